/// Durations as people write them in files and options: `250ms`, `5s`, `10m`, `1h`, `7d`.
package enum DurationText {
  /// What an error about a malformed duration says is allowed.
  package static let form = "a whole number with the unit ms, s, m, h or d, such as 250ms or 30s"

  private static let units: [(suffix: String, milliseconds: Int64)] = [
    // `ms` stands before `m` and `s`, of which it is no combination.
    ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]

  /// The duration that `text` spells, nil when it spells none or one beyond 64 bits.
  package static func parse(_ text: String) -> Duration? {
    guard let unit = units.first(where: { text.hasSuffix($0.suffix) }) else { return nil }
    let digits = text.dropLast(unit.suffix.count)
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let count = Int64(digits)
    else { return nil }
    let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
    return overflow ? nil : .milliseconds(milliseconds)
  }

  /// A duration of whole milliseconds, in the largest unit that divides it.
  package static func format(_ duration: Duration) -> String {
    let parts = duration.components
    let milliseconds = parts.seconds * 1_000 + parts.attoseconds / 1_000_000_000_000_000
    if milliseconds == 0 { return "0s" }
    let unit = units.last { milliseconds % $0.milliseconds == 0 } ?? units[0]
    return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
  }
}

/// Durations as the command line spells them: a whole number and a unit, `250ms`, `30s`, `10m`, `1h`.
package enum DurationText {
  /// What a message about a malformed duration says is allowed.
  package static let form = "a whole number with the unit ms, s, m or h, such as 250ms or 30s"

  private static let units: [(suffix: String, milliseconds: Int64)] = [
    // `ms` stands before `m` and `s`, of which it is no combination.
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
  ]

  /// The duration that `text` spells, nil when it spells none or one beyond 64 bits.
  package static func parse(_ text: String) -> Duration? {
    guard let unit = units.first(where: { text.hasSuffix($0.suffix) }) else { return nil }
    let digits = text.dropLast(unit.suffix.count)
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    guard let count = Int64(digits) else { return nil }
    let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
    return overflow ? nil : .milliseconds(milliseconds)
  }

  /// The shortest spelling of a duration of whole milliseconds.
  package static func format(_ duration: Duration) -> String {
    let milliseconds = duration.nanoseconds / 1_000_000
    let unit = units.last { milliseconds != 0 && milliseconds % UInt64($0.milliseconds) == 0 }
    guard let unit else { return milliseconds == 0 ? "0s" : "\(milliseconds)ms" }
    return "\(milliseconds / UInt64(unit.milliseconds))\(unit.suffix)"
  }
}

extension Duration {
  /// Whole nanoseconds; a negative duration counts as zero.
  package var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000
  }
}

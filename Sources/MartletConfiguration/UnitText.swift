/// Durations as the configuration writes them: `250ms`, `5s`, `10m`, `1h`, `7d`.
package enum DurationText {
  private static let units: [(suffix: String, milliseconds: Int64)] = [
    ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]

  /// Nil unless `text` is a whole number and a unit.
  package static func parse(_ text: String) -> Duration? {
    for unit in units {
      if text.hasSuffix(unit.suffix), let number = Int64(text.dropLast(unit.suffix.count)),
        (0...1_000_000_000).contains(number)
      {
        return .milliseconds(number * unit.milliseconds)
      }
    }
    return nil
  }

  /// In the largest unit that divides it.
  package static func format(_ duration: Duration) -> String {
    let parts = duration.components
    let milliseconds = parts.seconds * 1_000 + parts.attoseconds / 1_000_000_000_000_000
    if milliseconds == 0 { return "0s" }
    for unit in units.reversed() where milliseconds % unit.milliseconds == 0 {
      return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
    }
    return "\(milliseconds)ms"
  }
}

/// Sizes as the configuration writes them: `512B`, `64KiB`, `1MiB`, `2GiB`.
package enum SizeText {
  private static let units: [(suffix: String, bytes: Int)] = [
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1),
  ]

  /// Nil unless `text` is a whole number and a unit.
  package static func parse(_ text: String) -> Int? {
    for unit in units {
      if text.hasSuffix(unit.suffix), let number = Int(text.dropLast(unit.suffix.count)),
        (0...1_000_000_000).contains(number)
      {
        return number * unit.bytes
      }
    }
    return nil
  }

  /// In the largest unit that divides it.
  package static func format(_ bytes: Int) -> String {
    for unit in units.sorted(by: { $0.bytes > $1.bytes })
    where bytes >= unit.bytes && bytes % unit.bytes == 0 {
      return "\(bytes / unit.bytes)\(unit.suffix)"
    }
    return "\(bytes)B"
  }
}

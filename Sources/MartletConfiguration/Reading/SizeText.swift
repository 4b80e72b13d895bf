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

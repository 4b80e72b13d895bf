/// Identity of a group's history. Offsets of different epochs cannot be compared.
package struct Epoch: Hashable, Sendable, CustomStringConvertible {
  /// 1 to 40 letters and digits.
  package let rawValue: String

  /// Nil unless `rawValue` is 1 to 40 ASCII letters and digits.
  package init?(_ rawValue: String) {
    let bytes = rawValue.utf8
    guard
      (1...40).contains(bytes.count),
      bytes.allSatisfy({ byte in
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
      })
    else { return nil }
    self.rawValue = rawValue
  }

  /// A new epoch: 80 random bits in base 36.
  package static func random(using generator: inout some RandomNumberGenerator) -> Epoch {
    let high = UInt64.random(in: 0..<(1 << 40), using: &generator)
    let low = UInt64.random(in: 0..<(1 << 40), using: &generator)
    return Epoch(unchecked: String(high, radix: 36) + String(low, radix: 36))
  }

  private init(unchecked rawValue: String) {
    self.rawValue = rawValue
  }

  package var description: String { rawValue }
}

/// A place in a group's stream of publications: everything up to and including `offset` is known.
package struct Position: Hashable, Sendable {
  /// The history that `offset` counts in.
  package var epoch: Epoch
  /// The number of the last known publication; 0 before the first.
  package var offset: UInt64

  package init(epoch: Epoch, offset: UInt64) {
    self.epoch = epoch
    self.offset = offset
  }
}

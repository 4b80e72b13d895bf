/// Random numbers that anybody can compute again: functions of a seed and of what they are for.
struct SeededRandom: Sendable, Equatable {
  /// What a number decides, so that no two decisions share one.
  enum Purpose: UInt64 {
    case group = 1
    case target
    case mixture
    case gap
    case size
    case stay
    case away
    case fault
    case observer
  }

  private let seed: UInt64

  init(seed: UInt64) {
    self.seed = Self.mix(seed)
  }

  func bits(_ purpose: Purpose, _ client: Int, _ index: UInt64 = 0) -> UInt64 {
    let key = Self.mix(seed ^ Self.mix(purpose.rawValue &+ UInt64(truncatingIfNeeded: client) << 8))
    return Self.mix(key &+ index &* 0x9E37_79B9_7F4A_7C15)
  }

  /// From 0 to below 1.
  func unit(_ purpose: Purpose, _ client: Int, _ index: UInt64 = 0) -> Double {
    Double(bits(purpose, client, index) >> 11) * 0x1p-53
  }

  func integer(_ range: ClosedRange<Int>, _ purpose: Purpose, _ client: Int, _ index: UInt64 = 0)
    -> Int
  {
    range.lowerBound + Int(unit(purpose, client, index) * Double(range.count))
  }

  func nanoseconds(
    _ range: DelayRange, _ purpose: Purpose, _ client: Int, _ index: UInt64 = 0
  ) -> UInt64 {
    let lowest = range.lowest.nanoseconds
    return lowest
      + UInt64(unit(purpose, client, index) * Double(range.highest.nanoseconds - lowest))
  }

  /// The finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

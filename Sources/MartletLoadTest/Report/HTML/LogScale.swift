#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Powers of ten.
enum LogScale {
  static func log10(_ value: Double) -> Double {
    #if canImport(Glibc)
      Glibc.log10(value)
    #else
      Darwin.log10(value)
    #endif
  }

  static func power(_ exponent: Int) -> Double {
    var value = 1.0
    for _ in 0..<abs(exponent) { value *= 10 }
    return exponent < 0 ? 1 / value : value
  }

  /// The exponent of the highest power of ten that is not above `value`.
  static func decade(atOrBelow value: Double) -> Int {
    Int((log10(value) + 1e-9).rounded(.down))
  }
}

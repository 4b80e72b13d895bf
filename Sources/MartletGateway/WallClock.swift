internal import Foundation

/// The time of day.
enum WallClock {
  /// Since 1970.
  static var seconds: Int64 { Int64(Date().timeIntervalSince1970) }

  /// Since 1970.
  static var milliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }
}

extension Duration {
  /// Rounded up.
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
  }
}

internal import Foundation
internal import NIOCore

/// When a run began, by both clocks.
struct RunStart: Sendable {
  /// Nanoseconds of the monotonic clock.
  var monotonic: UInt64
  /// Since 1970.
  var wallClock: Date

  static var now: RunStart {
    RunStart(monotonic: NIODeadline.now().uptimeNanoseconds, wallClock: Date())
  }

  /// Nanoseconds since then.
  var elapsed: UInt64 {
    let now = NIODeadline.now().uptimeNanoseconds
    return now > monotonic ? now - monotonic : 0
  }

  /// Since 1970, by the wall clock.
  var nanoseconds: Int64 { Int64(wallClock.timeIntervalSince1970 * 1e9) }

  /// - Parameter nanoseconds: may be negative.
  func earlier(by nanoseconds: Int64) -> RunStart {
    RunStart(
      monotonic: UInt64(clamping: Int64(clamping: monotonic) - nanoseconds),
      wallClock: wallClock.addingTimeInterval(-Double(nanoseconds) / 1e9))
  }

  /// ISO 8601, in UTC.
  var text: String { wallClock.formatted(.iso8601) }
}

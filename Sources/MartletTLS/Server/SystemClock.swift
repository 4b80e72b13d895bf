#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The machine's idea of the time of day, which periods of ticket keys follow.
package enum SystemClock {
  /// Seconds since 1970.
  package static let now: @Sendable () -> Int = { time(nil) }
}

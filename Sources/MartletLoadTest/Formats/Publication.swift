/// A publication as its message tells of it.
struct Publication: Sendable, Equatable {
  /// The number of the client that published.
  var publisher: Int
  var sequence: UInt32
  /// Nanoseconds since the run began.
  var intended: UInt64
  /// It was refused as `unavailable` before.
  var isRetry: Bool
}

/// Whether a listener takes another connection: not more than so many at a time, and not faster than a rate.
package struct AcceptLimiter: Hashable, Sendable {
  package enum Answer: Hashable, Sendable {
    case accepted
    /// 503 with Retry-After, or nothing at all.
    case refused(retryAfter: Duration)
  }

  /// When all places are taken nobody knows when one becomes free.
  package static let retryAfterWhenFull = Duration.seconds(5)

  package let maximum: Int
  /// How many connections there are.
  package private(set) var count = 0
  private var bucket: TokenBucket?

  /// - Parameters:
  ///   - maximum: connections at a time.
  ///   - bucket: new connections over time; nil: as fast as they come.
  package init(maximum: Int, bucket: TokenBucket?) {
    self.maximum = maximum
    self.bucket = bucket
  }

  /// - Parameter now: of a monotonic clock, since any fixed moment.
  package mutating func accept(now: Duration) -> Answer {
    guard count < maximum else { return .refused(retryAfter: Self.retryAfterWhenFull) }
    if let wait = bucket?.take(now: now) { return .refused(retryAfter: wait) }
    count += 1
    return .accepted
  }

  /// One that was accepted has gone.
  package mutating func closed() {
    precondition(count > 0, "more connections have gone than were accepted")
    count -= 1
  }
}

/// Lets things happen at a rate, and some of them at once: a bucket of `burst` tokens that fills with `count` tokens per
/// `period`, from which each takes one.
///
/// Counts in whole parts of a token and of a microsecond, so that nothing is lost or won by when it is asked. Times are of a
/// monotonic clock, since any fixed moment.
package struct TokenBucket: Hashable, Sendable {
  /// What count, period and burst may be, so that sums fit 64 bits.
  package static let counts = 1...1_000_000
  package static let periods: ClosedRange<Duration> = .milliseconds(1)...(.seconds(86_400))

  /// Each microsecond brings so many parts.
  private let count: Int64
  /// So many parts are a token: the period's microseconds.
  private let token: Int64
  private let capacity: Int64
  private var parts: Int64
  /// Microseconds; when `parts` was right. Nil: nobody has asked yet.
  private var updated: Int64?

  /// A bucket that is full.
  package init(count: Int, per period: Duration, burst: Int) {
    precondition(Self.counts.contains(count) && Self.counts.contains(burst))
    precondition(Self.periods.contains(period))
    self.count = Int64(count)
    token = period.wholeMicroseconds
    capacity = Int64(burst) * token
    parts = capacity
  }

  /// Takes a token.
  ///
  /// - Returns: nil, or how long it takes until there is one.
  package mutating func take(now: Duration) -> Duration? {
    refill(now.wholeMicroseconds)
    guard parts < token else {
      parts -= token
      return nil
    }
    return .microseconds((token - parts + count - 1) / count)
  }

  /// A clock that went backwards brings nothing, and goes on from where it is.
  private mutating func refill(_ now: Int64) {
    guard let updated else {
      self.updated = now
      return
    }
    self.updated = now
    guard now > updated, parts < capacity else { return }
    let missing = (capacity - parts + count - 1) / count
    let elapsed = now &- updated
    // Also of a leap that overflows.
    guard elapsed > 0, elapsed < missing else {
      parts = capacity
      return
    }
    parts = min(parts + elapsed * count, capacity)
  }
}

extension Duration {
  /// Rounded towards zero; the far ends of time, which no clock shows, are drawn nearer.
  var wholeMicroseconds: Int64 {
    let limit: Int64 = 4_000_000_000_000
    let (seconds, attoseconds) = components
    return min(max(seconds, -limit), limit) * 1_000_000 + attoseconds / 1_000_000_000_000
  }
}

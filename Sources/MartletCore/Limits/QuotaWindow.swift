/// When a user has published, as far back as a quota looks: the newest `count` times.
package struct QuotaWindow: Sendable {
  /// Microseconds, oldest first; a ring once there are `count` of them.
  private var times: [Int64] = []
  /// Where the oldest is.
  private var oldest = 0

  package init() {}

  /// Notes a publication if the quota allows it.
  ///
  /// - Parameters:
  ///   - quota: the same in every call.
  ///   - now: of a monotonic clock, since any fixed moment. One that went backwards makes nobody wait longer than the period.
  /// - Returns: nil, or how long it takes until one is allowed.
  package mutating func spend(_ quota: Quota, now: Duration) -> Duration? {
    let now = now.wholeMicroseconds
    let period = quota.period.wholeMicroseconds
    guard times.count == quota.count else {
      times.append(now)
      return nil
    }
    let wait = times[oldest] + period - now
    guard wait <= 0 || wait > period else { return .microseconds(wait) }
    times[oldest] = now
    oldest = (oldest + 1) % times.count
    return nil
  }

  /// Whether it has nothing more to say.
  package func isOver(_ period: Duration, now: Duration) -> Bool {
    guard !times.isEmpty else { return true }
    let newest = times[(oldest + times.count - 1) % times.count]
    return newest + period.wholeMicroseconds <= now.wholeMicroseconds
  }
}

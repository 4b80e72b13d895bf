internal import NIOCore

/// Lets something happen in bursts, but no faster than a rate on average.
struct TokenBucket {
  private let rate: HTTP2Configuration.Rate
  private var tokens: Double
  private var filledAt: NIODeadline

  /// A full bucket.
  init(_ rate: HTTP2Configuration.Rate, at now: NIODeadline) {
    self.rate = rate
    tokens = Double(rate.burst)
    filledAt = now
  }

  /// Takes one token; false if there is none.
  mutating func take(at now: NIODeadline) -> Bool {
    // Events of one read share a time, and time that runs backwards gives nothing.
    if now > filledAt {
      let seconds = Double((now - filledAt).nanoseconds) / 1e9
      tokens = min(tokens + seconds * Double(rate.perSecond), Double(rate.burst))
      filledAt = now
    }
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }
}

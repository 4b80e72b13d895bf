/// Delays between attempts: exponential, with full jitter, so that a fleet which lost the same
/// server does not return in step (Brooker, "Exponential Backoff And Jitter", 2015).
package struct Backoff: Sendable {
  /// The upper bound of the first delay.
  package var initial: Duration
  /// The upper bound of every delay.
  package var maximum: Duration
  private var attempt = 0

  package init(initial: Duration = .milliseconds(50), maximum: Duration = .seconds(5)) {
    self.initial = initial
    self.maximum = maximum
  }

  /// The next delay: random between a tenth of the current bound and the bound, which doubles up
  /// to ``maximum``.
  package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
    let bound = min(maximum, initial * (1 << min(attempt, 20)))
    attempt += 1
    return bound * Double.random(in: 0.1...1, using: &generator)
  }

  /// Call after a success: the next delay is an initial one again.
  package mutating func reset() {
    attempt = 0
  }
}

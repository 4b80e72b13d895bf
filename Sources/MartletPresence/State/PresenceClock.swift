/// Time as an observer may count it: it never runs backwards, and time in which nobody looked hardly counts.
///
/// A process that was suspended, or whose clock was set, has not seen who came back meanwhile; it must not
/// conclude that a grace or a lease has passed.
struct PresenceClock: Equatable, Sendable {
  /// The most that passes between two looks. Whoever waits for a deadline looks more often than that.
  static let maximumStep = Duration.seconds(1)

  /// Since the first look.
  private(set) var elapsed = Duration.zero
  private var last: Duration?

  /// - Parameter now: since any fixed moment; may jump either way.
  mutating func advance(to now: Duration) {
    if let last, now > last { elapsed += min(now - last, Self.maximumStep) }
    last = now
  }
}

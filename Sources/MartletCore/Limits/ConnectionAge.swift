/// How long a connection may live before its client is asked to come back, so that load spreads over gateways that came later.
package struct ConnectionAge: Hashable, Sendable {
  /// No connection lives longer.
  package var maximum: Duration
  /// Connections that began together end within this much time, not at once.
  package var jitter: Duration

  package init(maximum: Duration, jitter: Duration) {
    precondition(jitter >= .zero && jitter <= maximum)
    self.maximum = maximum
    self.jitter = jitter
  }

  /// One connection's life: evenly between ``maximum`` less ``jitter`` and ``maximum``.
  package func lifetime(using random: inout some RandomNumberGenerator) -> Duration {
    maximum - jitter * Double.random(in: 0...1, using: &random)
  }
}

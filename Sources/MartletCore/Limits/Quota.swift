/// How many publications one user may make in any stretch of time of a length, on all connections and gateways.
package struct Quota: Hashable, Sendable {
  package static let counts = 1...10_000
  package static let periods: ClosedRange<Duration> = .milliseconds(100)...(.seconds(86_400))

  package var count: Int
  package var period: Duration
  /// What it counts: publications of different scopes are counted apart. Empty: of all routes without a quota of their own;
  /// else of the route with this path.
  package var scope: String

  package init(count: Int, per period: Duration, scope: String = "") {
    precondition(Self.counts.contains(count) && Self.periods.contains(period))
    self.count = count
    self.period = period
    self.scope = scope
  }
}

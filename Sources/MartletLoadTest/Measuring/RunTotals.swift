/// A run as it stands, over all loops (and processes, whose totals add up). Handed to an ``IntervalRecorder`` once per interval, and
/// rendered by ``PrometheusText``.
package struct RunTotals: Sendable, Equatable, Codable {
  // MARK: Of this moment

  /// Clients that the plan has at this moment.
  package var planned = 0
  package var joined = 0
  /// Publications that are due and have no answer.
  package var outstanding = 0
  /// The longest that a loop was late for a timer since the totals before these, in milliseconds.
  package var longestLagMilliseconds = 0.0

  // MARK: Since the run began

  package var counters = LoadCounters()
  /// Of the generator.
  package var cpuSeconds = 0.0
  package var latencies = LatencyDistributions()

  package init() {}

  /// Attempts whose transport opened.
  package var connects: Int { Int(latencies.connect.count) }

  /// Adds the totals of another loop or process.
  package mutating func add(_ other: RunTotals) {
    planned += other.planned
    joined += other.joined
    outstanding += other.outstanding
    longestLagMilliseconds = max(longestLagMilliseconds, other.longestLagMilliseconds)
    counters.add(other.counters)
    cpuSeconds += other.cpuSeconds
    latencies.add(other.latencies)
  }
}

/// What a run has counted so far, over all loops (and processes, whose totals add up). Handed to an
/// ``IntervalRecorder`` once per interval, and rendered by ``PrometheusText``.
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

  package var attempts = 0
  /// Attempts whose transport opened.
  package var connects = 0
  package var failedAttempts = 0
  package var reconnects = 0
  package var recovered = 0
  package var notRecovered = 0
  package var resyncs = 0
  /// Connections of joined clients that ended unasked.
  package var lostConnections = 0
  package var sent = 0
  package var resent = 0
  package var acknowledged = 0
  package var rejected = 0
  package var delivered = 0
  package var duplicated = 0
  package var reordered = 0
  package var overtaken = 0
  package var ephemeralSent = 0
  package var ephemeralReceived = 0
  /// `error` messages and nonsense from the server.
  package var errors = 0
  package var lateSends = 0
  /// Of the generator.
  package var cpuSeconds = 0.0
  package var latencies = LatencyDistributions()

  package init() {}

  /// Adds the totals of another loop or process.
  package mutating func add(_ other: RunTotals) {
    for path in Self.counts { self[keyPath: path] += other[keyPath: path] }
    longestLagMilliseconds = max(longestLagMilliseconds, other.longestLagMilliseconds)
    cpuSeconds += other.cpuSeconds
    latencies.add(other.latencies)
  }

  private static var counts: [WritableKeyPath<RunTotals, Int>] {
    [
      \.planned, \.joined, \.outstanding, \.attempts, \.connects, \.failedAttempts, \.reconnects,
      \.recovered, \.notRecovered, \.resyncs, \.lostConnections, \.sent, \.resent, \.acknowledged,
      \.rejected, \.delivered, \.duplicated, \.reordered, \.overtaken, \.ephemeralSent,
      \.ephemeralReceived, \.errors, \.lateSends,
    ]
  }

  enum CodingKeys: String, CodingKey {
    case planned
    case joined
    case outstanding
    case longestLagMilliseconds = "max_loop_lag_ms"
    case attempts
    case connects
    case failedAttempts = "failed_attempts"
    case reconnects
    case recovered
    case notRecovered = "not_recovered"
    case resyncs
    case lostConnections = "lost_connections"
    case sent
    case resent
    case acknowledged
    case rejected
    case delivered
    case duplicated
    case reordered
    case overtaken
    case ephemeralSent = "ephemeral_sent"
    case ephemeralReceived = "ephemeral_received"
    case errors
    case lateSends = "late_sends"
    case cpuSeconds = "cpu_seconds"
    case latencies
  }
}

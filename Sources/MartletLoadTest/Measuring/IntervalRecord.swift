/// A stretch of a run, usually a second: what happened in it, and what was at its end. A line of the result file.
package struct IntervalRecord: Sendable, Equatable {
  /// Since the run began.
  package var startSeconds: Double
  package var lengthSeconds: Double
  /// In which it began.
  package var phase: String

  // MARK: At its end

  package var planned = 0
  package var joined = 0
  package var outstanding = 0

  // MARK: In it

  package var connects = 0
  package var sent = 0
  package var acknowledged = 0
  package var delivered = 0
  package var ephemeralSent = 0
  package var ephemeralReceived = 0
  package var lostConnections = 0
  package var errors = 0
  package var lateSends = 0
  package var longestLagMilliseconds = 0.0
  /// Of the generator.
  package var cpuSeconds = 0.0
  package var latencies = LatencyDistributions()

  package init(startSeconds: Double, lengthSeconds: Double, phase: String) {
    self.startSeconds = startSeconds
    self.lengthSeconds = lengthSeconds
    self.phase = phase
  }

  package var endSeconds: Double { startSeconds + lengthSeconds }

  package func perSecond(_ count: Int) -> Double {
    lengthSeconds > 0 ? Double(count) / lengthSeconds : 0
  }

  /// Adds what another loop or process did at the same time.
  package mutating func add(_ other: IntervalRecord) {
    extend(to: other)
    planned += other.planned
    joined += other.joined
    outstanding += other.outstanding
    addEvents(other)
  }

  /// Adds what followed.
  package mutating func append(_ next: IntervalRecord) {
    extend(to: next)
    planned = next.planned
    joined = next.joined
    outstanding = next.outstanding
    addEvents(next)
  }

  private mutating func extend(to other: IntervalRecord) {
    let end = max(endSeconds, other.endSeconds)
    if other.startSeconds < startSeconds {
      startSeconds = other.startSeconds
      phase = other.phase
    }
    lengthSeconds = end - startSeconds
  }

  private mutating func addEvents(_ other: IntervalRecord) {
    connects += other.connects
    sent += other.sent
    acknowledged += other.acknowledged
    delivered += other.delivered
    ephemeralSent += other.ephemeralSent
    ephemeralReceived += other.ephemeralReceived
    lostConnections += other.lostConnections
    errors += other.errors
    lateSends += other.lateSends
    longestLagMilliseconds = max(longestLagMilliseconds, other.longestLagMilliseconds)
    cpuSeconds += other.cpuSeconds
    latencies.add(other.latencies)
  }
}

extension IntervalRecord: Codable {
  /// Keys that older results do not have count as 0.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func number(_ key: CodingKeys) throws -> Int { try container.decode(Int.self, forKey: key) }
    self.init(
      startSeconds: try container.decode(Double.self, forKey: .startSeconds),
      lengthSeconds: try container.decode(Double.self, forKey: .lengthSeconds),
      phase: try container.decode(String.self, forKey: .phase))
    planned = try number(.planned)
    joined = try number(.joined)
    outstanding = try number(.outstanding)
    connects = try number(.connects)
    sent = try number(.sent)
    acknowledged = try number(.acknowledged)
    delivered = try number(.delivered)
    ephemeralSent = try container.decodeIfPresent(Int.self, forKey: .ephemeralSent) ?? 0
    ephemeralReceived = try container.decodeIfPresent(Int.self, forKey: .ephemeralReceived) ?? 0
    lostConnections = try number(.lostConnections)
    errors = try number(.errors)
    lateSends = try number(.lateSends)
    longestLagMilliseconds = try container.decode(Double.self, forKey: .longestLagMilliseconds)
    cpuSeconds = try container.decode(Double.self, forKey: .cpuSeconds)
    latencies = try container.decode(LatencyDistributions.self, forKey: .latencies)
  }

  enum CodingKeys: String, CodingKey {
    case startSeconds = "start_seconds"
    case lengthSeconds = "length_seconds"
    case phase
    case planned
    case joined
    case outstanding
    case connects
    case sent
    case acknowledged
    case delivered
    case ephemeralSent = "ephemeral_sent"
    case ephemeralReceived = "ephemeral_received"
    case lostConnections = "lost_connections"
    case errors
    case lateSends = "late_sends"
    case longestLagMilliseconds = "max_loop_lag_ms"
    case cpuSeconds = "cpu_seconds"
    case latencies = "histograms"
  }
}

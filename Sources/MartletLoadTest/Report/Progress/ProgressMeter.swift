/// Turns running totals into the rates of the progress line.
struct ProgressMeter {
  enum Phase: String, Sendable {
    case join
    case run
    case stragglers
  }

  private let phase: Phase
  private let clients: Int
  private let begin: ContinuousClock.Instant
  private var previous: ContinuousClock.Instant
  private var previousSent: Int?
  private var previousDelivered = 0
  private var deliveries = LatencyHistogram()

  init(phase: Phase, clients: Int, now: ContinuousClock.Instant = .now) {
    self.phase = phase
    self.clients = clients
    begin = now
    previous = now
  }

  func isDue(_ now: ContinuousClock.Instant, interval: Duration) -> Bool {
    previousSent == nil || previous.duration(to: now) >= interval
  }

  /// Takes in a snapshot.
  ///
  /// - Returns: a sample if the newest one is `interval` old.
  mutating func update(
    _ snapshot: LoopWorker.Snapshot, _ now: ContinuousClock.Instant, interval: Duration
  ) -> ProgressSample? {
    deliveries.add(snapshot.recentDeliveries)
    guard let previousSent else {
      previousSent = snapshot.counters.sent
      previousDelivered = snapshot.counters.delivered
      return nil
    }
    guard previous.duration(to: now) >= interval else { return nil }
    let seconds = previous.duration(to: now) / .seconds(1)
    let sample = ProgressSample(
      phase: phase.rawValue, elapsedSeconds: begin.duration(to: now) / .seconds(1),
      joined: snapshot.joined, clients: clients,
      sentPerSecond: Double(snapshot.counters.sent - previousSent) / seconds,
      deliveredPerSecond: Double(snapshot.counters.delivered - previousDelivered) / seconds,
      deliverP50: deliveries.count > 0 ? deliveries.percentile(50) : nil,
      deliverP99: deliveries.count > 0 ? deliveries.percentile(99) : nil,
      errors: snapshot.counters.errors.values.reduce(0, +),
      outstanding: max(0, snapshot.expected - snapshot.counters.delivered))
    previous = now
    self.previousSent = snapshot.counters.sent
    previousDelivered = snapshot.counters.delivered
    deliveries.reset()
    return sample
  }
}

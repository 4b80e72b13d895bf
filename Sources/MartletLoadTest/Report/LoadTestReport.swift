/// The result of a run. Results of processes that ran at the same time add up (``merge(_:)``); every rendering is a
/// function of this value. As JSON, the summary that docs/loadtest.md describes, without the intervals.
package struct LoadTestReport: Sendable, Equatable {
  /// Name and summary of the scenario.
  package var scenario = ScenarioText()
  package var commandLine: String
  /// Of this run's publications.
  package var run: String
  package var seed: UInt64?
  /// When the run began, ISO 8601 in UTC.
  package var startedAt: String?
  /// Processes that drove clients, and their event loops together.
  package var workers = 1
  package var loops = 1
  /// How far latencies between machines may be off, in milliseconds; nil: one machine, one clock.
  package var clockErrorMilliseconds: Double?
  package var clients: Int
  package var groups: Int
  /// Clients whose latencies of deliveries, acknowledgements and presence are below; nil: all.
  package var observers: Int?
  /// From the first intended publication to the end of the wait for stragglers.
  package var runSeconds: Double
  package var isInterrupted: Bool
  package var connections: Connections
  package var publications: Publications
  package var deliveries: Deliveries
  /// What the latencies below summarise; empty in results of a version that did not write them.
  package private(set) var histograms: LatencyDistributions
  package private(set) var latencies: LatencySummaries
  /// `error` messages by code.
  package var errors: [String: Int]
  package var phases: [PhaseRecord] = []
  package var faults: [FaultRecord] = []
  /// In the order of the scenario.
  package var thresholds: [ThresholdResult] = []
  /// Of all processes together.
  package var generator: GeneratorHealth
  /// Of each; empty: there is one.
  package var processes: [ProcessHealth] = []
  /// The time series, ascending.
  package var intervals: [IntervalRecord] = []

  package struct ScenarioText: Sendable, Equatable, Codable {
    package var name = ""
    package var summary = ""

    package init(name: String = "", summary: String = "") {
      self.name = name
      self.summary = summary
    }
  }

  package init(
    commandLine: String, run: String, clients: Int, groups: Int, runSeconds: Double,
    isInterrupted: Bool, connections: Connections, publications: Publications,
    deliveries: Deliveries, histograms: LatencyDistributions, errors: [String: Int],
    generator: GeneratorHealth
  ) {
    self.init(
      commandLine: commandLine, run: run, clients: clients, groups: groups,
      runSeconds: runSeconds, isInterrupted: isInterrupted, connections: connections,
      publications: publications, deliveries: deliveries, histograms: histograms,
      latencies: histograms.summaries, errors: errors, generator: generator)
  }

  /// - Parameter latencies: of `histograms`, or what is left of histograms that were not kept.
  init(
    commandLine: String, run: String, clients: Int, groups: Int, runSeconds: Double,
    isInterrupted: Bool, connections: Connections, publications: Publications,
    deliveries: Deliveries, histograms: LatencyDistributions, latencies: LatencySummaries,
    errors: [String: Int], generator: GeneratorHealth
  ) {
    self.commandLine = commandLine
    self.run = run
    self.clients = clients
    self.groups = groups
    self.runSeconds = runSeconds
    self.isInterrupted = isInterrupted
    self.connections = connections
    self.publications = publications
    self.deliveries = deliveries
    self.histograms = histograms
    self.latencies = latencies
    self.errors = errors
    self.generator = generator
  }

  mutating func addLatencies(of other: LoadTestReport) {
    for kind in LatencyKind.allCases {
      let isKnown =
        histograms[kind].count == latencies[kind].count
        && other.histograms[kind].count == other.latencies[kind].count
      histograms[kind].add(other.histograms[kind])
      if isKnown {
        latencies[kind] = histograms[kind].summary
      } else {
        latencies[kind].add(other.latencies[kind])
      }
    }
  }

  /// There were events that nobody is owed.
  var hasEphemeral: Bool {
    publications.ephemeralSent > 0 || deliveries.ephemeralReceived > 0
  }

  // MARK: Judgement

  /// Why the latencies are the generator's rather than the server's; empty: they are the server's.
  package var generatorBoundReasons: [String] {
    guard !processes.isEmpty else { return generator.reasons }
    return processes.flatMap { process in
      process.health.reasons.map { processes.count == 1 ? $0 : "\(process.name): \($0)" }
    }
  }

  package var isGeneratorBound: Bool { !generatorBoundReasons.isEmpty }

  /// Nothing was lost, late beyond the run, duplicated, reordered or left unacknowledged.
  package var isClean: Bool { deviations.allSatisfy { $0.count == 0 } }

  /// What the verdict counts.
  var deviations: [(metric: Threshold.CountMetric, count: Int)] {
    [
      (.lost, deliveries.lost), (.recoveredLate, deliveries.recoveredLate),
      (.duplicated, deliveries.duplicated),
      (.reordered, deliveries.reordered), (.unacknowledged, publications.unacknowledged),
    ]
  }

  /// Deviations that no threshold speaks of: what a threshold bounds is judged by it alone.
  var unboundedDeviations: [(metric: Threshold.CountMetric, count: Int)] {
    deviations.filter { deviation in
      deviation.count > 0
        && !thresholds.contains { $0.threshold.metric == .count(deviation.metric) }
    }
  }

  package var exitStatus: ExitStatus {
    if isInterrupted { return .interrupted }
    if !unboundedDeviations.isEmpty { return .failed }
    return thresholds.allSatisfy(\.holds) ? .ok : .threshold
  }

  /// Judges the run by `thresholds`, in place of those that it has.
  package mutating func judge(by thresholds: [Threshold]) {
    self.thresholds = thresholds.map { ThresholdResult(threshold: $0, value: value(of: $0.metric)) }
  }

  /// What a threshold looks at; nil: nothing was measured.
  package func value(of metric: Threshold.Metric) -> Double? {
    switch metric {
    case .latency(let kind, let statistic):
      latencies[kind].count > 0 ? latencies[kind][statistic] : nil
    case .count(let count): value(of: count)
    }
  }

  private func value(of metric: Threshold.CountMetric) -> Double {
    switch metric {
    case .lost: Double(deliveries.lost)
    case .recoveredLate: Double(deliveries.recoveredLate)
    case .duplicated: Double(deliveries.duplicated)
    case .reordered: Double(deliveries.reordered)
    case .unacknowledged: Double(publications.unacknowledged)
    case .rejected: Double(publications.rejected)
    case .errors: Double(errors.values.reduce(0, +))
    case .failedAttempts: Double(connections.failedAttempts)
    case .reconnects: Double(connections.reconnects)
    case .notRecovered: Double(connections.notRecovered)
    case .resyncs: Double(connections.resyncs)
    case .joined: Double(connections.joined)
    case .sentPerSecond: publications.sentPerSecond
    case .deliveredPerSecond: deliveries.deliveredPerSecond
    case .generatorBound: isGeneratorBound ? 1 : 0
    }
  }
}

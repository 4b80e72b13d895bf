/// The summary: everything but the intervals.
extension LoadTestReport: Codable {
  package enum CodingKeys: String, CodingKey {
    case type
    case scenario
    case commandLine = "command_line"
    case run
    case seed
    case startedAt = "started_at"
    case workers
    case loops
    case clockErrorMilliseconds = "clock_error_ms"
    case clients
    case groups
    case observers
    case runSeconds = "run_seconds"
    case isInterrupted = "interrupted"
    case isGeneratorBound = "generator_bound"
    case connections
    case publications
    case deliveries
    case latencies
    case histograms
    case errors
    case phases
    case faults
    case thresholds
    case generator
    case processes
    case exitStatus = "exit_status"
  }

  /// Also reads what the first version wrote, which had neither `type` nor histograms.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func list<Element: Decodable>(_ key: CodingKeys) throws -> [Element] {
      try container.decodeIfPresent([Element].self, forKey: key) ?? []
    }
    self.init(
      commandLine: try container.decode(String.self, forKey: .commandLine),
      run: try container.decode(String.self, forKey: .run),
      clients: try container.decode(Int.self, forKey: .clients),
      groups: try container.decode(Int.self, forKey: .groups),
      runSeconds: try container.decode(Double.self, forKey: .runSeconds),
      isInterrupted: try container.decode(Bool.self, forKey: .isInterrupted),
      connections: try container.decode(Connections.self, forKey: .connections),
      publications: try container.decode(Publications.self, forKey: .publications),
      deliveries: try container.decode(Deliveries.self, forKey: .deliveries),
      histograms: try container.decodeIfPresent(LatencyDistributions.self, forKey: .histograms)
        ?? LatencyDistributions(),
      latencies: try container.decode(LatencySummaries.self, forKey: .latencies),
      errors: try container.decode([String: Int].self, forKey: .errors),
      generator: try container.decode(GeneratorHealth.self, forKey: .generator))
    scenario = try container.decodeIfPresent(ScenarioText.self, forKey: .scenario) ?? scenario
    seed = try container.decodeIfPresent(UInt64.self, forKey: .seed)
    startedAt = try container.decodeIfPresent(String.self, forKey: .startedAt)
    workers = try container.decodeIfPresent(Int.self, forKey: .workers) ?? 1
    loops = try container.decodeIfPresent(Int.self, forKey: .loops) ?? 1
    clockErrorMilliseconds = try container.decodeIfPresent(
      Double.self, forKey: .clockErrorMilliseconds)
    observers = try container.decodeIfPresent(Int.self, forKey: .observers)
    phases = try list(.phases)
    faults = try list(.faults)
    thresholds = try list(.thresholds)
    processes = try list(.processes)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(ResultLine.summary.rawValue, forKey: .type)
    try container.encode(scenario, forKey: .scenario)
    try container.encode(commandLine, forKey: .commandLine)
    try container.encode(run, forKey: .run)
    try container.encodeIfPresent(seed, forKey: .seed)
    try container.encodeIfPresent(startedAt, forKey: .startedAt)
    try container.encode(workers, forKey: .workers)
    try container.encode(loops, forKey: .loops)
    try container.encodeIfPresent(clockErrorMilliseconds, forKey: .clockErrorMilliseconds)
    try container.encode(clients, forKey: .clients)
    try container.encode(groups, forKey: .groups)
    try container.encodeIfPresent(observers, forKey: .observers)
    try container.encode(runSeconds, forKey: .runSeconds)
    try container.encode(isInterrupted, forKey: .isInterrupted)
    try container.encode(isGeneratorBound, forKey: .isGeneratorBound)
    try container.encode(connections, forKey: .connections)
    try container.encode(publications, forKey: .publications)
    try container.encode(deliveries, forKey: .deliveries)
    try container.encode(latencies, forKey: .latencies)
    try container.encode(histograms, forKey: .histograms)
    try container.encode(errors, forKey: .errors)
    try container.encode(phases, forKey: .phases)
    try container.encode(faults, forKey: .faults)
    try container.encode(thresholds, forKey: .thresholds)
    try container.encode(generator, forKey: .generator)
    try container.encode(processes, forKey: .processes)
    try container.encode(exitStatus.rawValue, forKey: .exitStatus)
  }
}

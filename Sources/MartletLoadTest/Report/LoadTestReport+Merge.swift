extension LoadTestReport {
  /// Adds up the results of processes that drove parts of one run at the same time.
  ///
  /// Counts, rates and histograms add up; intervals meet by time since the run began; phases of the same name and
  /// place span all of theirs; thresholds are judged anew. Of what can only be one, the first report's counts; scenarios that
  /// differ are named, and said to.
  ///
  /// - Returns: nil without reports.
  package static func merge(_ reports: [LoadTestReport]) -> LoadTestReport? {
    guard var result = reports.first else { return nil }
    for other in reports.dropFirst() { result.addAllButIntervals(of: other) }
    result.intervals = IntervalSeries.merged(reports.map(\.intervals))
    if reports.count > 1 { result.judge(by: result.thresholds.map(\.threshold)) }
    return result
  }

  /// A process whose results are in two of these reports, and would count twice.
  ///
  /// - Returns: the places of the first two, and what they have in common; nil if there are none.
  package static func repeated(
    in reports: [LoadTestReport]
  ) -> (first: Int, second: Int, process: String)? {
    for (second, report) in reports.enumerated() {
      for (first, earlier) in reports[..<second].enumerated() {
        // Workers of different runs have the same names, but hardly used the same time to the microsecond.
        let common = report.listedProcesses.first(where: earlier.listedProcesses.contains)
        guard let common else { continue }
        return (first, second, common.name)
      }
    }
    return nil
  }

  package func merged(with other: LoadTestReport) -> LoadTestReport {
    Self.merge([self, other]) ?? self
  }

  private mutating func addAllButIntervals(of other: LoadTestReport) {
    scenario.add(other.scenario)
    processes = listedProcesses + other.listedProcesses
    generator = .sum([
      (generator, loops, publications.due), (other.generator, other.loops, other.publications.due),
    ])
    workers += other.workers
    loops += other.loops
    if let theirs = other.clockErrorMilliseconds {
      clockErrorMilliseconds = max(clockErrorMilliseconds ?? 0, theirs)
    }
    if seed != other.seed { seed = nil }
    // In UTC and of one form, so that the order of texts is that of times.
    startedAt = [startedAt, other.startedAt].compactMap { $0 }.min()
    if observers != nil || other.observers != nil {
      observers = (observers ?? clients) + (other.observers ?? other.clients)
    }
    clients += other.clients
    // Processes share the groups of their scenario.
    groups = max(groups, other.groups)
    runSeconds = max(runSeconds, other.runSeconds)
    isInterrupted = isInterrupted || other.isInterrupted
    connections.add(other.connections)
    publications.add(other.publications)
    deliveries.add(other.deliveries)
    addLatencies(of: other)
    errors.merge(other.errors, uniquingKeysWith: +)
    addPhases(other.phases)
    faults += other.faults.filter { !faults.contains($0) }
    faults.sort { $0.atSeconds < $1.atSeconds }
    thresholds += other.thresholds.filter { theirs in
      !thresholds.contains { $0.threshold == theirs.threshold }
    }
  }

  /// A report of one process need not list it.
  private var listedProcesses: [ProcessHealth] {
    processes.isEmpty ? [ProcessHealth(name: run, loops: loops, health: generator)] : processes
  }

  private mutating func addPhases(_ others: [PhaseRecord]) {
    for (index, other) in others.enumerated() {
      guard index < phases.count, phases[index].name == other.name else {
        phases.append(other)
        continue
      }
      phases[index].beginSeconds = min(phases[index].beginSeconds, other.beginSeconds)
      phases[index].endSeconds = max(phases[index].endSeconds, other.endSeconds)
      phases[index].clients += other.clients
    }
  }
}

extension LoadTestReport.ScenarioText {
  private static let mixture = "Results of different scenarios, added up."
  private static let separator = " + "

  /// Names both, if they differ.
  mutating func add(_ other: Self) {
    guard self != other else { return }
    var names = partNames
    names += other.partNames.filter { !names.contains($0) }
    name = names.joined(separator: Self.separator)
    summary = Self.mixture
  }

  /// Of a mixture, those that it was made of.
  private var partNames: [String] {
    if summary == Self.mixture { return name.split(separator: Self.separator).map(String.init) }
    return [name.isEmpty ? "flags alone" : name]
  }
}

internal import Synchronization

/// Runs a scenario with more and more load until a threshold breaks.
package final class FindMax: Sendable {
  /// One run of the search.
  package struct Attempt: Sendable {
    package var load: Double
    package var report: LoadTestReport
    /// Why the load was too much; empty: it was borne.
    package var reasons: [String]
  }

  package struct Result: Sendable {
    package var search: CapacitySearch
    package var attempts: [Attempt]
    package var isInterrupted: Bool

    /// The run with the largest load that was borne.
    package var best: Attempt? {
      attempts.filter(\.reasons.isEmpty).max { $0.load < $1.load }
    }
  }

  private let scenarios: @Sendable (Double) throws -> Scenario
  private let search: CapacitySearch
  private let commandLine: String
  private let current = Mutex<LoadTest?>(nil)
  private let interruption = Atomic(false)

  /// - Parameters:
  ///   - scenarios: the scenario, with thresholds, for a load.
  ///   - commandLine: for the reports.
  package init(
    _ settings: MaximumSearch, scenarios: @escaping @Sendable (Double) throws -> Scenario,
    commandLine: String
  ) {
    self.scenarios = scenarios
    self.commandLine = commandLine
    search = CapacitySearch(settings)
  }

  package func interrupt() {
    interruption.store(true, ordering: .relaxed)
    current.withLock { $0?.interrupt() }
  }

  /// - Parameters:
  ///   - observe: as ``LoadTest`` has it.
  ///   - finished: told of each run.
  /// - Throws: ``LoadTestFailure`` when not even the first run could begin.
  package func execute(
    observe: @escaping @Sendable (LoadTest.Observation) -> Void,
    finished: @escaping @Sendable (Attempt) -> Void
  ) async throws -> Result {
    var search = search
    var attempts: [Attempt] = []
    while let load = search.next, !interruption.load(ordering: .relaxed) {
      let attempt = try await attempt(load, isFirst: attempts.isEmpty, observe)
      if attempt.report.isInterrupted { break }
      search.record(holds: attempt.reasons.isEmpty)
      attempts.append(attempt)
      finished(attempt)
    }
    return Result(
      search: search, attempts: attempts,
      isInterrupted: interruption.load(ordering: .relaxed))
  }

  private func attempt(
    _ load: Double, isFirst: Bool, _ observe: @escaping @Sendable (LoadTest.Observation) -> Void
  ) async throws -> Attempt {
    var generator = SystemRandomNumberGenerator()
    let run = RunIdentifier(using: &generator)
    let scenario = try scenarios(load)
    let test = LoadTest(
      scenario: scenario, run: run, commandLine: commandLine, observe: observe)
    current.withLock { $0 = test }
    if interruption.load(ordering: .relaxed) { test.interrupt() }
    do {
      let report = try await test.execute()
      return Attempt(load: load, report: report, reasons: Self.reasons(report))
    } catch let failure as LoadTestFailure where !isFirst {
      // The server has let fewer in than wanted: that is an answer, too.
      var report = LoadTestReport.empty(scenario, run: run, commandLine: commandLine)
      report.isInterrupted = interruption.load(ordering: .relaxed)
      return Attempt(load: load, report: report, reasons: [failure.description])
    }
  }

  private static func reasons(_ report: LoadTestReport) -> [String] {
    var reasons = report.thresholds.filter { !$0.holds }.map(\.threshold.text)
    reasons += report.unboundedDeviations.map { "\($0.count) \($0.metric.rawValue)" }
    // Unless a threshold says how much of that is allowed.
    let isBounded = report.thresholds.contains {
      $0.threshold.metric == .count(.generatorBound)
    }
    if report.isGeneratorBound, !isBounded {
      reasons += report.generatorBoundReasons.map { "generator-bound: \($0)" }
    }
    return reasons
  }
}

extension LoadTestReport {
  /// Of a run that did not come to anything.
  static func empty(_ scenario: Scenario, run: RunIdentifier, commandLine: String)
    -> LoadTestReport
  {
    var report = LoadTestReport(
      commandLine: commandLine, run: run.text, clients: 0, groups: 0, runSeconds: 0,
      isInterrupted: false, connections: .init(), publications: .init(), deliveries: .init(),
      histograms: LatencyDistributions(), errors: [:],
      generator: GeneratorHealth(
        cpuSeconds: 0, cpuShare: 0, longestLagMilliseconds: 0, lateSends: 0, lateShare: 0))
    report.scenario = .init(name: scenario.name, summary: scenario.summary)
    return report
  }
}

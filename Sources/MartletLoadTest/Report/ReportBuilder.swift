/// Puts a report together from what a run leaves behind.
struct ReportBuilder {
  let scenario: Scenario
  let plan: Plan
  let run: RunIdentifier
  let commandLine: String
  let journal: RunJournal
  /// Of the end of the run, before the clients were stopped.
  let status: CrewStatus
  let outcome: CrewOutcome
  let conclusion: LoadTest.Conclusion
  let isInterrupted: Bool
  /// In milliseconds; nil: one machine.
  let clockError: Double?

  func build() -> LoadTestReport {
    let processes = outcome.processes.enumerated().map { index, process in
      ProcessHealth(
        name: "worker \(index)", loops: process.loops, health: health(process))
    }
    var report = LoadTestReport(
      commandLine: commandLine, run: run.text, clients: plan.clients.count,
      groups: plan.members.count { !$0.isEmpty }, runSeconds: journal.runSeconds,
      isInterrupted: isInterrupted, connections: connections, publications: publications,
      deliveries: deliveries, histograms: outcome.latencies, errors: outcome.counters.errors,
      generator: .sum(
        zip(processes, outcome.processes).map { ($0.health, $0.loops, $1.due) }))
    report.scenario = .init(name: scenario.name, summary: scenario.summary)
    if scenario.sampling != nil {
      report.observers = plan.clients.indices.count { plan.isObserver($0) }
    }
    report.seed = scenario.seed
    report.startedAt = journal.start.text
    report.workers = processes.count
    report.loops = processes.reduce(0) { $0 + $1.loops }
    report.clockErrorMilliseconds = clockError
    report.phases = journal.phases
    report.faults = journal.faults(of: scenario)
    report.intervals = journal.intervals
    report.processes = processes.count > 1 ? processes : []
    report.judge(by: scenario.thresholds)
    return report
  }

  private func health(_ process: CrewOutcome.Process) -> GeneratorHealth {
    let seconds = journal.publishingSeconds
    return GeneratorHealth(
      cpuSeconds: process.cpuSeconds,
      cpuShare: seconds > 0 ? process.cpuSeconds / seconds / Double(process.loops) : 0,
      longestLagMilliseconds: Double(process.longestLag) / 1e6, lateSends: process.lateSends,
      lateShare: process.due > 0 ? Double(process.lateSends) / Double(process.due) : 0)
  }

  private var connections: LoadTestReport.Connections {
    let counters = outcome.counters
    var connections = LoadTestReport.Connections()
    connections.joined = status.totals.joined
    connections.attempts = counters.attempts
    connections.failedAttempts = counters.failedAttempts
    connections.reconnects = counters.reconnects
    connections.recovered = counters.recovered
    connections.notRecovered = counters.notRecovered
    connections.resyncs = counters.resyncs
    connections.ends = counters.ends
    return connections
  }

  private var publications: LoadTestReport.Publications {
    let counters = outcome.counters
    var publications = LoadTestReport.Publications()
    publications.due = status.due
    publications.sent = counters.sent
    publications.resent = counters.resent
    publications.acknowledged = counters.acknowledged
    publications.rejected = counters.rejected
    publications.unacknowledged = Verdict.unacknowledged(conclusion.records).count
    publications.ephemeralSent = counters.ephemeralSent
    publications.sentPerSecond = rate(counters.sent)
    publications.ephemeralSentPerSecond = rate(counters.ephemeralSent)
    return publications
  }

  private var deliveries: LoadTestReport.Deliveries {
    let counters = outcome.counters
    var deliveries = LoadTestReport.Deliveries()
    deliveries.expected = conclusion.verdict.expected
    deliveries.delivered = counters.delivered
    deliveries.lost = conclusion.verdict.lost
    deliveries.duplicated = counters.duplicated
    deliveries.reordered = counters.reordered
    deliveries.overtaken = counters.overtaken
    deliveries.foreign = counters.foreign
    deliveries.recoveredLate = counters.recoveredLate
    deliveries.ephemeralReceived = counters.ephemeralReceived
    deliveries.deliveredPerSecond = rate(counters.delivered)
    deliveries.ephemeralReceivedPerSecond = rate(counters.ephemeralReceived)
    deliveries.offenders =
      conclusion.verdict.lostOffenders.offenders + firstFew(.duplicated) + firstFew(.reordered)
      + Verdict.unacknowledged(conclusion.records).offenders.offenders
    return deliveries
  }

  /// Over the time in which publications became due: stragglers do not dilute it.
  private func rate(_ count: Int) -> Double {
    let seconds = journal.publishingSeconds
    return seconds > 0 ? Double(count) / seconds : 0
  }

  /// Each loop kept its own first few.
  private func firstFew(_ kind: Offender.Kind) -> ArraySlice<Offender> {
    outcome.offenders.filter { $0.kind == kind }.prefix(OffenderList.limit)
  }
}

/// Puts a report together from what the loops left behind.
struct ReportBuilder {
  let settings: LoadTestSettings
  let run: RunIdentifier
  /// Of the end of the run, before the clients were stopped.
  let snapshot: LoopWorker.Snapshot
  var outcome: LoopWorker.Outcome
  let loops: Int
  let publishingSeconds: Double
  let totalSeconds: Double
  var cpuSeconds: Double
  var isInterrupted: Bool

  func build() -> LoadTestReport {
    let verdict = Verdict.judge(clients: outcome.clients.map(\.client), groups: settings.groups)
    let counters = outcome.counters
    let due = outcome.clients.reduce(0) { $0 + Int($1.client.due) }
    let generator = GeneratorHealth(
      cpuSeconds: cpuSeconds,
      cpuShare: publishingSeconds > 0 ? cpuSeconds / publishingSeconds / Double(loops) : 0,
      longestLagMilliseconds: Double(counters.longestLag) / 1e6,
      lateSends: counters.lateSends,
      lateShare: due > 0 ? Double(counters.lateSends) / Double(due) : 0)
    var connections = LoadTestReport.Connections()
    connections.joined = snapshot.joined
    connections.attempts = counters.attempts
    connections.failedAttempts = counters.failedAttempts
    connections.reconnects = counters.reconnects
    connections.recovered = counters.recovered
    connections.notRecovered = counters.notRecovered
    connections.resyncs = counters.resyncs
    connections.ends = counters.ends
    var report = LoadTestReport(
      commandLine: settings.commandLine, run: run.text, clients: settings.clients,
      groups: settings.groups, runSeconds: totalSeconds, isInterrupted: isInterrupted,
      connections: connections, publications: publications(verdict, due: due),
      deliveries: deliveries(verdict), histograms: outcome.latencies.distributions,
      errors: counters.errors, generator: generator)
    report.loops = loops
    return report
  }

  private func publications(_ verdict: Verdict, due: Int) -> LoadTestReport.Publications {
    var publications = LoadTestReport.Publications()
    publications.due = due
    publications.sent = outcome.counters.sent
    publications.resent = outcome.counters.resent
    publications.acknowledged = outcome.counters.acknowledged
    publications.rejected = outcome.counters.rejected
    publications.unacknowledged = verdict.unacknowledged
    publications.sentPerSecond = rate(outcome.counters.sent)
    return publications
  }

  private func deliveries(_ verdict: Verdict) -> LoadTestReport.Deliveries {
    var deliveries = LoadTestReport.Deliveries()
    deliveries.expected = verdict.expected
    deliveries.delivered = outcome.counters.delivered
    deliveries.lost = verdict.lost
    deliveries.duplicated = outcome.counters.duplicated
    deliveries.reordered = outcome.counters.reordered
    deliveries.overtaken = outcome.counters.overtaken
    deliveries.foreign = outcome.counters.foreign
    deliveries.deliveredPerSecond = rate(outcome.counters.delivered)
    deliveries.offenders =
      verdict.lostOffenders.offenders + firstFew(.duplicated) + firstFew(.reordered)
      + verdict.unacknowledgedOffenders.offenders
    return deliveries
  }

  /// Over the time in which publications became due: stragglers do not dilute it.
  private func rate(_ count: Int) -> Double {
    publishingSeconds > 0 ? Double(count) / publishingSeconds : 0
  }

  /// Each loop kept its own first few.
  private func firstFew(_ kind: Offender.Kind) -> ArraySlice<Offender> {
    outcome.offenders.filter { $0.kind == kind }.prefix(OffenderList.limit)
  }
}

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
    let latencies = outcome.latencies
    return LoadTestReport(
      commandLine: settings.commandLine, run: run.text, clients: settings.clients,
      groups: settings.groups, runSeconds: totalSeconds, isInterrupted: isInterrupted,
      isGeneratorBound: generator.isGeneratorBound,
      connections: .init(
        joined: snapshot.joined, attempts: counters.attempts,
        failedAttempts: counters.failedAttempts, reconnects: counters.reconnects,
        recovered: counters.recovered, notRecovered: counters.notRecovered,
        resyncs: counters.resyncs, ends: counters.ends),
      publications: .init(
        due: due, sent: counters.sent, resent: counters.resent,
        acknowledged: counters.acknowledged, unacknowledged: verdict.unacknowledged,
        sentPerSecond: rate(counters.sent)),
      deliveries: .init(
        expected: verdict.expected, delivered: counters.delivered, lost: verdict.lost,
        duplicated: counters.duplicated, reordered: counters.reordered,
        overtaken: counters.overtaken, foreign: counters.foreign,
        deliveredPerSecond: rate(counters.delivered),
        offenders: verdict.lostOffenders.offenders + firstFew(.duplicated) + firstFew(.reordered)
          + verdict.unacknowledgedOffenders.offenders),
      latencies: .init(
        connect: latencies.connect.summary, join: latencies.join.summary,
        acknowledge: latencies.acknowledge.summary, deliver: latencies.deliver.summary),
      errors: counters.errors, generator: generator)
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

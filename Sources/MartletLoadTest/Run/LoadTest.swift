internal import MartletTLS
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A whole run: phases, faults, stragglers, audit, verdict.
///
/// The clients live on the event loops of a ``Crew``; this type only begins phases and looks at totals.
package final class LoadTest: Sendable {
  /// So long before a phase begins every loop is told of it. One that hears of it late is late with what is due, and no more: what
  /// was due before ended with the phase before.
  static let notice: UInt64 = 100_000_000
  /// After everything expected has arrived: late duplicates still count.
  static let settleTime = Duration.milliseconds(200)
  /// Of a phase that waits for joins, before a run that nobody could join is given up.
  static let firstJoinPatience = Duration.seconds(2)
  /// The longest wait for stragglers after an interrupt.
  static let interruptedGrace = Duration.seconds(1)
  /// The longest that members who miss something may ask the history.
  static let auditTime = Duration.seconds(15)
  /// Between two looks at the crew.
  private static let pollInterval = Duration.milliseconds(20)
  /// Between two judgements while stragglers come in.
  private static let judgementInterval = Duration.milliseconds(100)
  /// Between stopping the clients and the loops: time for the close frames.
  private static let closingTime = Duration.milliseconds(100)

  private let scenario: Scenario
  private let run: RunIdentifier
  private let commandLine: String
  private let observe: @Sendable (Observation) -> Void
  private let interruption = Atomic(false)

  /// What can be seen of a run that goes on.
  package struct Observation: Sendable {
    package var sample: ProgressSample
    package var totals: RunTotals
    package var interval: IntervalRecord
  }

  /// - Parameters:
  ///   - scenario: checked.
  ///   - commandLine: by which the run can be repeated, for its report.
  ///   - observe: called once in each interval of the scenario, from one task.
  package init(
    scenario: Scenario, run: RunIdentifier, commandLine: String = "",
    observe: @escaping @Sendable (Observation) -> Void = { _ in }
  ) {
    self.scenario = scenario
    self.run = run
    self.commandLine = commandLine
    self.observe = observe
  }

  /// Ends the run early; ``execute()`` returns a partial report. May be called from anywhere.
  package func interrupt() {
    interruption.store(true, ordering: .relaxed)
  }

  var isInterrupted: Bool { interruption.load(ordering: .relaxed) }

  /// Runs the test in this process.
  ///
  /// - Throws: ``LoadTestFailure`` when the run could not begin; `SettingsError` for files that cannot be used.
  package func execute() async throws -> LoadTestReport {
    let plan = Plan(scenario)
    let loops = Self.loops(scenario)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
    do {
      let start = RunStart.now
      let context = try RunPreparation(plan: plan, run: run).context(start: start)
      let crew = try await LocalCrew(context, on: group, loops: loops)
      let report = try await execute(by: crew, plan, start: start)
      try await group.shutdownGracefully()
      return report
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
  }

  /// Event loops of a process.
  static func loops(_ scenario: Scenario) -> Int {
    scenario.loops > 0 ? scenario.loops : max(1, System.coreCount / 2)
  }

  /// Runs the test by a crew that is ready.
  func execute(
    by crew: any Crew, _ plan: Plan, start: RunStart, clockError: Double? = nil
  ) async throws -> LoadTestReport {
    let journal = RunJournal(scenario, plan, start: start, observe: observe)
    do {
      return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await self.inflictFaults(by: crew, journal) }
        defer { tasks.cancelAll() }
        try await runPhases(crew, plan, journal)
        return try await conclude(crew, plan, journal, clockError: clockError)
      }
    } catch {
      _ = try? await crew.finish()
      throw error
    }
  }

  private func conclude(
    _ crew: any Crew, _ plan: Plan, _ journal: RunJournal, clockError: Double?
  ) async throws -> LoadTestReport {
    let wasInterrupted = isInterrupted
    let stop = journal.start.elapsed
    try await crew.stop(at: stop)
    journal.stopped(at: stop)
    var conclusion = try await awaitStragglers(crew, journal)
    if !wasInterrupted, conclusion.verdict.lost > 0 {
      conclusion = try await audit(conclusion, crew, journal)
    }
    let status = try await journal.status(of: crew, phase: "end")
    let outcome = try await crew.finish()
    try await Task.sleep(for: Self.closingTime)
    return ReportBuilder(
      scenario: scenario, plan: plan, run: run, commandLine: commandLine, journal: journal,
      status: status, outcome: outcome, conclusion: conclusion, isInterrupted: wasInterrupted,
      clockError: clockError
    ).build()
  }

  // MARK: Phases

  private func runPhases(
    _ crew: any Crew, _ plan: Plan, _ journal: RunJournal
  ) async throws {
    var begin = journal.start.elapsed + Self.notice
    for (index, phase) in scenario.phases.enumerated() where !isInterrupted {
      let end = begin + (phase.ramp + phase.hold).nanoseconds
      try await crew.begin(phase: index, at: begin, until: end)
      journal.began(phase, at: begin, clients: plan.turnouts[index].clients)
      guard let patience = phase.joinPatience else {
        // The next one begins where this one ends.
        let isLast = index + 1 == scenario.phases.count
        let notice = isLast || end - begin < Self.notice ? 0 : Self.notice
        try await watch(crew, journal, phase: phase.name, until: end - notice)
        begin = max(end, journal.start.elapsed)
        continue
      }
      try await watch(crew, journal, phase: phase.name, until: end, isJoining: true)
      try await awaitJoins(
        crew, plan.turnouts[index].clients, journal, phase.name,
        until: max(begin + patience.nanoseconds, journal.start.elapsed))
      begin = journal.start.elapsed + Self.notice
    }
  }

  /// Waits until `end`, or for an interrupt.
  ///
  /// - Parameter isJoining: it is of no use to wait when nobody is let in.
  private func watch(
    _ crew: any Crew, _ journal: RunJournal, phase: String, until end: UInt64,
    isJoining: Bool = false
  ) async throws {
    let begin = journal.start.elapsed
    while !isInterrupted {
      let now = journal.start.elapsed
      if now >= end { return }
      if isJoining, now >= begin + Self.firstJoinPatience.nanoseconds {
        try checkReachable(try await journal.status(of: crew, phase: phase))
      }
      try await journal.look(at: crew, phase: phase)
      try await Task.sleep(for: min(Self.pollInterval, .nanoseconds(Int64(end - now))))
    }
  }

  private func awaitJoins(
    _ crew: any Crew, _ clients: Int, _ journal: RunJournal, _ phase: String, until end: UInt64
  ) async throws {
    while !isInterrupted {
      let status = try await journal.status(of: crew, phase: phase)
      if status.settled >= clients { return }
      try checkReachable(status)
      let reasons = reasons(status)
      if journal.start.elapsed >= end {
        guard status.hasEverJoined else { throw LoadTestFailure.unreachable(reasons) }
        throw LoadTestFailure.incomplete(
          joined: status.settled, clients: clients, reasons: reasons)
      }
      try await Task.sleep(for: Self.pollInterval)
    }
  }

  /// - Throws: `LoadTestFailure` when every target has refused and nobody has ever been let in: waiting will not help.
  private func checkReachable(_ status: CrewStatus) throws {
    guard status.hasEverJoined || status.failures.count < scenario.targets.count else {
      throw LoadTestFailure.unreachable(reasons(status))
    }
  }

  private func reasons(_ status: CrewStatus) -> [String] {
    status.failures.sorted { $0.key < $1.key }
      .map { "\(scenario.targets[$0.key].text): \($0.value)" }
  }

  // MARK: Faults

  private func inflictFaults(by crew: any Crew, _ journal: RunJournal) async throws {
    let faults = scenario.faults.enumerated().sorted { $0.element.at < $1.element.at }
    try await withThrowingTaskGroup(of: Void.self) { commands in
      for (index, fault) in faults {
        let due = fault.at.nanoseconds
        let now = journal.start.elapsed
        if due > now { try await Task.sleep(for: .nanoseconds(Int64(due - now))) }
        let time = journal.start.elapsed
        if case .run(let command) = fault.action {
          // Others do not wait for it.
          commands.addTask { await journal.inflicted(index, at: time, ShellCommand.run(command)) }
        } else {
          try await crew.inflict(index)
          journal.inflicted(index, at: time, "done")
        }
      }
      try await commands.waitForAll()
    }
  }

  // MARK: The end

  /// What was published, and who has it.
  struct Conclusion: Sendable {
    var records: [PublisherRecord]
    var verdict: Verdict
  }

  private func judge(_ crew: any Crew) async throws -> Conclusion {
    let records = try await crew.publisherRecords()
    let doubtful = records.filter { !$0.unacknowledged.isEmpty }
    let seen = doubtful.isEmpty ? [:] : try await crew.witnessed(doubtful)
    let verdict = try await crew.judge(
      records.map { PublishedRecord($0, witnessed: seen[$0.number] ?? SequenceSet()) })
    return Conclusion(records: records, verdict: verdict)
  }

  private func awaitStragglers(
    _ crew: any Crew, _ journal: RunJournal
  ) async throws -> Conclusion {
    let wasInterrupted = isInterrupted
    let grace =
      wasInterrupted ? min(scenario.grace, Self.interruptedGrace) : scenario.grace
    let end = journal.start.elapsed + grace.nanoseconds
    while true {
      let conclusion = try await judge(crew)
      let isComplete =
        conclusion.verdict.lost == 0
        && !conclusion.records.contains(where: \.isAwaitingAnswers)
      if isComplete {
        try await Task.sleep(for: Self.settleTime + (scenario.sampling?.readEvery ?? .zero))
        return try await judge(crew)
      }
      // An interrupt during the wait is no news; only its length was decided by an earlier one.
      if journal.start.elapsed >= end || isInterrupted != wasInterrupted { return conclusion }
      try await journal.look(at: crew, phase: "stragglers")
      try await Task.sleep(for: Self.judgementInterval)
    }
  }

  /// Members that miss something ask the history before it is called lost.
  private func audit(
    _ conclusion: Conclusion, _ crew: any Crew, _ journal: RunJournal
  ) async throws -> Conclusion {
    try await crew.audit(conclusion.verdict.deprived)
    let end = journal.start.elapsed + min(Self.auditTime, scenario.grace).nanoseconds
    var conclusion = conclusion
    while conclusion.verdict.lost > 0, journal.start.elapsed < end, !isInterrupted {
      try await journal.look(at: crew, phase: "audit")
      try await Task.sleep(for: Self.judgementInterval)
      conclusion = try await judge(crew)
    }
    return conclusion
  }
}

import MartletTLS
import NIOCore
import NIOPosix
import Synchronization

/// A whole run: join phase, run phase, straggler phase, verdict.
///
/// The clients live on the event loops; this type only starts phases and looks at snapshots.
package final class LoadTest: Sendable {
  /// After the ramp, before clients that have not joined are given up.
  static let joinPatience = Duration.seconds(30)
  /// Between the last join and the first publication: time for every loop to hear of it.
  static let startDelay = Duration.milliseconds(50)
  /// After everything expected has arrived: late duplicates still count.
  static let settleTime = Duration.milliseconds(200)
  /// The longest wait for stragglers after an interrupt.
  static let interruptedGrace = Duration.seconds(1)
  /// Between two looks at the loops.
  private static let pollInterval = Duration.milliseconds(20)
  private static let progressInterval = Duration.seconds(1)
  /// Between stopping the clients and the loops: time for the close frames.
  private static let closingTime = Duration.milliseconds(100)

  private let settings: LoadTestSettings
  private let run: RunIdentifier
  private let showProgress: @Sendable (ProgressSample) -> Void
  private let interruption = Atomic(false)

  /// - Parameters:
  ///   - settings: validated.
  ///   - showProgress: called about once a second, from one task.
  package init(
    settings: LoadTestSettings, run: RunIdentifier,
    showProgress: @escaping @Sendable (ProgressSample) -> Void = { _ in }
  ) {
    self.settings = settings
    self.run = run
    self.showProgress = showProgress
  }

  /// Ends the run early; `run()` returns a partial report. May be called from anywhere.
  package func interrupt() {
    interruption.store(true, ordering: .relaxed)
  }

  private var isInterrupted: Bool { interruption.load(ordering: .relaxed) }

  /// Runs the test.
  ///
  /// - Throws: `LoadTestFailure` when the run could not begin.
  package func execute() async throws -> LoadTestReport {
    let needed = settings.clients + ProcessUsage.descriptorReserve
    if let limit = ProcessUsage.raiseDescriptorLimit(), limit < needed {
      throw LoadTestFailure.tooFewDescriptors(limit: limit, needed: needed)
    }
    let context = try makeContext()
    let loopCount = settings.loops > 0 ? settings.loops : max(1, System.coreCount / 2)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: loopCount)
    do {
      let report = try await execute(context, on: group, loopCount: loopCount)
      try await group.shutdownGracefully()
      return report
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
  }

  private func makeContext() throws(LoadTestFailure) -> RunContext {
    let addresses = try resolve()
    do throws(TLSError) {
      return try RunContext(settings: settings, run: run, addresses: addresses)
    } catch {
      throw .badCertificates(reason: "\(error)")
    }
  }

  private func resolve() throws(LoadTestFailure) -> [SocketAddress] {
    var addresses: [SocketAddress] = []
    for target in settings.targets {
      do {
        try addresses.append(.makeAddressResolvingHost(target.host, port: target.port))
      } catch {
        throw .unresolved(target: target.text, reason: "no such host")
      }
    }
    return addresses
  }

  private func execute(
    _ context: RunContext, on group: MultiThreadedEventLoopGroup, loopCount: Int
  ) async throws -> LoadTestReport {
    let fleet = try await Fleet(context, on: group, loopCount: loopCount)
    do {
      try await joinPhase(fleet)
    } catch {
      _ = try? await fleet.finish()
      throw error
    }

    let clock = ContinuousClock()
    let start = NIODeadline.now().uptimeNanoseconds + Self.startDelay.nanoseconds
    let startCPU = ProcessUsage.cpuSeconds()
    let startInstant = clock.now.advanced(by: Self.startDelay)
    if !isInterrupted {
      try await fleet.onEachLoop { $0.startPublishing(at: start) }
      try await runPhase(fleet, until: startInstant.advanced(by: settings.duration))
    }
    let publishing = startInstant.duration(to: clock.now)
    let cpu = ProcessUsage.cpuSeconds() - startCPU
    try await fleet.onEachLoop { $0.stopPublishing() }
    try await stragglerPhase(fleet)

    let total = startInstant.duration(to: clock.now)
    let snapshot = try await fleet.snapshot()
    let outcome = try await fleet.finish()
    try await Task.sleep(for: Self.closingTime)
    return ReportBuilder(
      settings: settings, run: run, snapshot: snapshot, outcome: outcome, loops: loopCount,
      publishingSeconds: max(0, publishing / .seconds(1)),
      totalSeconds: max(0, total / .seconds(1)),
      cpuSeconds: cpu, isInterrupted: isInterrupted
    ).build()
  }

  // MARK: Phases

  private func joinPhase(_ fleet: Fleet) async throws {
    try await fleet.onEachLoop { $0.startJoining() }
    let deadline = ContinuousClock.now.advanced(by: settings.ramp + Self.joinPatience)
    var last = LoopWorker.Snapshot()
    let result = try await watch(fleet, phase: .join, until: deadline) { snapshot in
      last = snapshot
      if snapshot.joined == self.settings.clients { return true }
      // Every target has refused and nobody has ever been let in: waiting will not help.
      return !snapshot.hasEverJoined && snapshot.failures.count == self.settings.targets.count
    }
    guard !isInterrupted, !result || last.joined < settings.clients else { return }
    let reasons = last.failures.sorted { $0.key < $1.key }
      .map { "\(settings.targets[$0.key].text): \($0.value)" }
    guard last.hasEverJoined else { throw LoadTestFailure.unreachable(reasons) }
    throw LoadTestFailure.incomplete(
      joined: last.joined, clients: settings.clients, reasons: reasons)
  }

  private func runPhase(_ fleet: Fleet, until end: ContinuousClock.Instant) async throws {
    _ = try await watch(fleet, phase: .run, until: end) { _ in false }
  }

  private func stragglerPhase(_ fleet: Fleet) async throws {
    let grace = isInterrupted ? min(settings.grace, Self.interruptedGrace) : settings.grace
    // An interrupt during the wait is no news; only its length was decided by an earlier one.
    let isComplete = try await watch(
      fleet, phase: .stragglers, until: .now.advanced(by: grace), endsOnInterrupt: !isInterrupted
    ) { $0.isComplete }
    if isComplete { try await Task.sleep(for: Self.settleTime) }
  }

  /// Looks at the loops until `isDone`, the deadline, or an interrupt; shows progress meanwhile.
  ///
  /// - Returns: whether `isDone` ended it.
  private func watch(
    _ fleet: Fleet, phase: ProgressMeter.Phase, until deadline: ContinuousClock.Instant,
    endsOnInterrupt: Bool = true, isDone: (LoopWorker.Snapshot) -> Bool
  ) async throws -> Bool {
    var meter = ProgressMeter(phase: phase, clients: settings.clients)
    while true {
      let now = ContinuousClock.now
      let isOver = now >= deadline || (endsOnInterrupt && isInterrupted)
      // The run phase needs no snapshots between two progress lines; they cost the loops time.
      if isOver || phase != .run || meter.isDue(now, interval: Self.progressInterval) {
        let snapshot = try await fleet.snapshot()
        if let sample = meter.update(snapshot, now, interval: Self.progressInterval) {
          showProgress(sample)
        }
        if isDone(snapshot) { return true }
      }
      if isOver { return false }
      try await Task.sleep(for: min(Self.pollInterval, deadline - now))
    }
  }
}

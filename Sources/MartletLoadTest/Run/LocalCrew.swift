internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// The event loops of this process.
final class LocalCrew: Crew {
  private let fleet: Fleet
  private let scenario: Scenario
  private let loops: Int
  private let usage: NIOLockedValueBox<Usage>

  /// What is asked for once and needed at the end.
  private struct Usage {
    /// CPU seconds when publications began to become due; nil: they have not.
    var begin: Double?
    var end: Double?
    var longestLag: UInt64 = 0
  }

  init(
    _ context: RunContext, on group: MultiThreadedEventLoopGroup, loops: Int, process: Int = 0,
    of processes: Int = 1
  ) async throws {
    scenario = context.scenario
    self.loops = loops
    fleet = try await Fleet(context, on: group, loops: loops, process: process, of: processes)
    usage = NIOLockedValueBox(Usage())
  }

  func begin(phase: Int, at time: UInt64, until end: UInt64) async throws {
    if scenario.phases[phase].pace > 0 {
      usage.withLockedValue { usage in
        guard usage.begin == nil else { return }
        usage.begin = ProcessUsage.cpuSeconds()
        // How late loops were while everybody joined says nothing of the latencies.
        usage.longestLag = 0
      }
    }
    try await fleet.onEachLoop { $0.begin(phase: phase, at: time, until: end) }
  }

  func stop(at time: UInt64) async throws {
    try await fleet.onEachLoop { $0.stopPublishing(at: time) }
    usage.withLockedValue { $0.end = ProcessUsage.cpuSeconds() }
  }

  func status() async throws -> CrewStatus {
    let snapshot = try await fleet.snapshot()
    usage.withLockedValue { $0.longestLag = max($0.longestLag, snapshot.longestLag) }
    return CrewStatus(
      totals: totals(snapshot), due: snapshot.due, hasEverJoined: snapshot.hasEverJoined,
      settled: snapshot.settled, failures: snapshot.failures)
  }

  private func totals(_ snapshot: LoopWorker.Snapshot) -> RunTotals {
    let counters = snapshot.counters
    var totals = RunTotals()
    totals.planned = snapshot.planned
    totals.joined = snapshot.joined
    totals.outstanding = max(0, snapshot.due - counters.acknowledged - counters.rejected)
    totals.longestLagMilliseconds = Double(snapshot.longestLag) / 1e6
    totals.counters = counters
    totals.cpuSeconds = ProcessUsage.cpuSeconds()
    totals.latencies = snapshot.latencies
    return totals
  }

  func inflict(_ fault: Int) async throws {
    switch scenario.faults[fault].action {
    case .drop(let share):
      try await fleet.onEachLoop { $0.drop(fault, share: share) }
    case .stall(let share, let duration):
      try await fleet.onEachLoop {
        $0.stall(fault, share: share, nanoseconds: duration.nanoseconds)
      }
    case .run: break
    }
  }

  func publisherRecords() async throws -> [PublisherRecord] { try await fleet.publisherRecords() }

  func witnessed(_ records: [PublisherRecord]) async throws -> [Int: SequenceSet] {
    try await fleet.witnessed(records)
  }

  func judge(_ published: [PublishedRecord]) async throws -> Verdict {
    try await fleet.judge(published)
  }

  func audit(_ members: [Int]) async throws {
    let members = Set(members)
    try await fleet.onEachLoop { $0.audit(members) }
  }

  func finish() async throws -> CrewOutcome {
    let rest = try await fleet.finish()
    let usage = usage.withLockedValue { $0 }
    let cpu = usage.begin.map { (usage.end ?? ProcessUsage.cpuSeconds()) - $0 } ?? 0
    return CrewOutcome(
      counters: rest.counters, latencies: rest.latencies, offenders: rest.offenders,
      processes: [
        CrewOutcome.Process(
          loops: loops, cpuSeconds: cpu, longestLag: usage.longestLag,
          lateSends: rest.counters.lateSends, due: rest.due)
      ])
  }
}

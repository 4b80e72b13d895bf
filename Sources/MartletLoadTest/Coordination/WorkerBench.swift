internal import NIOCore
internal import NIOPosix

/// Carries out a coordinator's orders.
actor WorkerBench {
  private let clock: ClockComparison
  private var group: MultiThreadedEventLoopGroup?
  private var crew: LocalCrew?

  init(_ clock: ClockComparison) {
    self.clock = clock
  }

  func carryOut(_ order: WorkerOrder) async -> WorkerReply {
    do {
      return try await reply(to: order)
    } catch {
      return .failed("\(error)")
    }
  }

  private func reply(to order: WorkerOrder) async throws -> WorkerReply {
    if case .prepare(let assignment) = order {
      try await prepare(assignment)
      return .done
    }
    guard let crew else {
      if case .dismiss = order { return .done }
      return .failed("no run has been prepared")
    }
    switch order {
    case .prepare, .dismiss: break
    case .begin(let phase, let time, let end):
      try await crew.begin(phase: phase, at: time, until: end)
    case .stop(let time): try await crew.stop(at: time)
    case .status: return .status(try await crew.status())
    case .inflict(let fault): try await crew.inflict(fault)
    case .publisherRecords: return .publisherRecords(try await crew.publisherRecords())
    case .witness(let records): return .witnessed(try await crew.witnessed(records))
    case .judge(let published): return .verdict(try await crew.judge(published))
    case .audit(let members): try await crew.audit(members)
    case .finish: return .outcome(try await crew.finish())
    }
    return .done
  }

  private func prepare(_ assignment: WorkerAssignment) async throws {
    let scenario = assignment.scenario
    let loops = LoadTest.loops(scenario)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
    self.group = group
    // When the coordinator's run began, on this machine's monotonic clock.
    let here = RunStart.now
    let ago = here.nanoseconds + clock.offset - assignment.start
    let start = here.earlier(by: ago)
    let context = try RunPreparation(
      plan: Plan(scenario), run: assignment.run, processes: assignment.processes
    ).context(start: start)
    crew = try await LocalCrew(
      context, on: group, loops: loops, process: assignment.process, of: assignment.processes)
  }

  /// Ends whatever goes on.
  func leave() async {
    _ = try? await crew?.finish()
    crew = nil
    try? await group?.shutdownGracefully()
    group = nil
  }
}

import MartletCore
import MartletTestSupport
import Testing

@testable import MartletLoadTest

/// Runs that are divided among workers, which are tasks of this process here; ``ProgramTests`` has them as processes.
@Suite struct WorkerRunTests {
  private func scenario(_ double: GatewayDouble) throws -> Scenario {
    try Scenario(
      yaml: """
        targets: [\(double.ports.map { "ws://127.0.0.1:\($0)" }.joined(separator: ", "))]
        groups: {rooms: {count: 2}}
        behaviours: [{name: a, path: "/ws/load/{group}/", publish: {every: 100ms, size: 200}}]
        phases:
          - {name: join, clients: 9, pace: 0, wait_for_joins: 20s}
          - {name: run, hold: 500ms}
        reconnect_delay: 5ms-20ms
        loops: 1
        """, file: "run.yaml", environment: [:], readFile: { _ in nil })
  }

  private func run(
    _ scenario: Scenario, workers: Int, secret: String? = nil, theirSecret: String? = nil
  ) async throws -> LoadTestReport {
    let coordinator = try await Coordinator.start(
      on: HostAndPort(host: "127.0.0.1", port: 0), workers: workers, secret: secret)
    do {
      let report = try await withThrowingTaskGroup(of: Void.self) { tasks in
        for number in 0..<workers {
          tasks.addTask {
            try await WorkerSession(
              coordinator: "http://\(coordinator.address)", secret: theirSecret ?? secret,
              name: "\(number)", say: { _ in }
            ).work()
          }
        }
        let run = RunIdentifier.example
        let test = LoadTest(scenario: scenario, run: run)
        async let report = coordinator.execute(scenario, test, run: run, arrived: { _ in })
        // A worker that is not wanted ends the run.
        do {
          try await tasks.waitForAll()
        } catch {
          test.interrupt()
          _ = try? await report
          throw error
        }
        return try await report
      }
      await coordinator.stop()
      return report
    } catch {
      await coordinator.stop()
      throw error
    }
  }

  @Test(arguments: [1, 3])
  func `Workers find together what one process would`(_ workers: Int) async throws {
    try await GatewayDouble.with(ports: 2) { double in
      let report = try await run(scenario(double), workers: workers, secret: "s")
      #expect(report.exitStatus == .ok, "\(ReportTable.render(report))")
      #expect(report.publications.due == 45)
      // Groups of five and of four, whose members are in different workers.
      #expect(report.deliveries.expected == 25 * 5 + 20 * 4)
      #expect(report.deliveries.delivered == report.deliveries.expected)
      #expect(report.workers == workers && report.clients == 9 && report.groups == 2)
      #expect(report.latencies.deliver.count == UInt64(report.deliveries.expected))
      #expect(report.clockErrorMilliseconds != nil)
      #expect(report.connections.joined == 9)
    }
  }

  @Test func `What is lost between workers is found and named`() async throws {
    let faults = DoubleFaults(
      delivery: { $0.publisher == 4 && $0.member == 0 && $0.sequence == 2 ? .lose : .none },
      forgetsHistory: true)
    try await GatewayDouble.with(faults: faults) { double in
      var scenario = try scenario(double)
      scenario.grace = .seconds(2)
      let report = try await run(scenario, workers: 3)
      #expect(report.exitStatus == .failed && report.deliveries.lost == 1)
      let offender = try #require(report.deliveries.offenders.first)
      #expect(offender.publisher == 4 && offender.firstSequence == 2)
    }
  }

  @Test func `A worker without the secret is not wanted`() async throws {
    try await GatewayDouble.with { double in
      let failure = await #expect(throws: LoadTestFailure.self) {
        _ = try await run(scenario(double), workers: 1, secret: "right", theirSecret: "wrong")
      }
      #expect(failure?.description.contains("the secret is another one") == true)
    }
  }

  @Test func `What a worker cannot do ends the run with its reason`() async throws {
    try await GatewayDouble.with { double in
      var scenario = try scenario(double)
      scenario.localAddresses = ["no address"]
      let failure = await #expect(throws: LoadTestFailure.self) {
        _ = try await run(scenario, workers: 2)
      }
      #expect(failure?.description.contains("worker") == true)
      #expect(failure?.description.contains("no address") == true)
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `A worker that is interrupted ends the run, and is named`() async throws {
    try await GatewayDouble.with { double in
      var scenario = try scenario(double)
      scenario.phases[1].hold = .seconds(600)
      let coordinator = try await Coordinator.start(
        on: HostAndPort(host: "127.0.0.1", port: 0), workers: 2, secret: nil)
      func worker(_ name: String) -> Task<Void, any Error> {
        Task {
          try await WorkerSession(
            coordinator: "http://\(coordinator.address)", secret: nil, name: name,
            say: { _ in }
          ).work()
        }
      }
      let (stays, leaves) = (worker("stays"), worker("leaves"))
      let run = RunIdentifier.example
      let test = LoadTest(scenario: scenario, run: run)
      let report = Task { [scenario] in
        try await coordinator.execute(scenario, test, run: run, arrived: { _ in })
      }
      try await eventually("publications arrive") {
        try await double.observations().arrivals.count >= 9
      }
      leaves.cancel()
      let failure = await #expect(throws: LoadTestFailure.self) { _ = try await report.value }
      #expect(failure?.description.contains("(leaves) was interrupted") == true)
      await #expect(throws: CancellationError.self) { try await leaves.value }
      await coordinator.stop()
      // It is sent home.
      try? await stays.value
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `A worker that goes while others are awaited ends the wait`() async throws {
    try await GatewayDouble.with { double in
      let scenario = try scenario(double)
      let coordinator = try await Coordinator.start(
        on: HostAndPort(host: "127.0.0.1", port: 0), workers: 2, secret: nil)
      let worker = Task {
        try await WorkerSession(
          coordinator: "http://\(coordinator.address)", secret: nil, name: "hasty",
          say: { _ in }
        ).work()
      }
      let run = RunIdentifier.example
      let test = LoadTest(scenario: scenario, run: run)
      let failure = await #expect(throws: LoadTestFailure.self) {
        try await coordinator.execute(
          scenario, test, run: run, arrived: { if $0 == 1 { worker.cancel() } })
      }
      #expect(failure?.description.contains("(hasty) was interrupted") == true)
      await coordinator.stop()
      _ = try? await worker.value
    }
  }
}

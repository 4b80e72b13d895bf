import MartletTLS
import MartletTestSupport
import NIOHTTP1
import Testing

@testable import MartletLoadTest

/// Whole runs against a `GatewayDouble`: exact counts, no clocks.
@Suite struct LoadTestRunTests {
  private func scenario(
    _ double: GatewayDouble, clients: Int = 6, groups: Int = 2, rate: Double = 10
  ) -> Scenario {
    var scenario = Scenario.everybodyPublishes(
      to: double.ports.map { Target(host: "127.0.0.1", port: $0) }, clients: clients,
      groups: groups)
    if rate > 0 {
      scenario.behaviours[0].publishing?.gap = .constant(.seconds(1 / rate))
      scenario.behaviours[0].publishing?.size = .constant(160)
    } else {
      scenario.behaviours[0].publishing = nil
    }
    scenario.phases[0].ramp = .zero
    scenario.phases[1].hold = .milliseconds(500)
    scenario.grace = .seconds(20)
    scenario.loops = 2
    scenario.reconnectDelay = DelayRange(lowest: .milliseconds(5), highest: .milliseconds(20))
    return scenario
  }

  /// For runs that wait in vain: long enough for what does arrive.
  private static let hopelessGrace = Duration.seconds(2)

  private func run(_ scenario: Scenario) async throws -> LoadTestReport {
    try scenario.validate()
    let seed = UInt64.random(in: 0 ... .max)
    print("LoadTestRunTests seed: \(seed)")
    var generator = SeededGenerator(seed: seed)
    return try await LoadTest(
      scenario: scenario, run: RunIdentifier(using: &generator)
    ).execute()
  }

  /// Polls until `condition` holds; gives up after half a minute.
  private func eventually(_ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now.advanced(by: .seconds(30))
    while try await !condition() {
      try #require(ContinuousClock.now < deadline)
      await Task.yield()
    }
  }

  @Test func `A gateway with TLS is loaded alike, and only if its certificate is good`()
    async throws
  {
    let certificates = try await TestCertificates.make()
    let tls = try TLSContext.server(
      TLSServerConfiguration(
        certificateFile: certificates.server.certificateFile,
        privateKeyFile: certificates.server.privateKeyFile))
    try await GatewayDouble.with(tls: tls) { double in
      var scenario = scenario(double)
      scenario.targets = double.ports.map {
        Target(host: "127.0.0.1", port: $0, isSecure: true)
      }
      scenario.security.authorityFile = certificates.authorityFile
      let report = try await run(scenario)
      #expect(report.exitStatus == .ok && report.deliveries.delivered == 90)
      scenario.security.authorityFile = certificates.otherAuthorityFile
      await #expect(throws: LoadTestFailure.self) { _ = try await run(scenario) }
      scenario.security.authorityFile = "/nowhere"
      await #expect(throws: LoadTestFailure.self) { _ = try await run(scenario) }
      scenario.security.verifiesServers = false
      scenario.security.authorityFile = nil
      #expect(try await run(scenario).exitStatus == .ok)
    }
  }

  @Test func `A healthy gateway delivers everything once, in order`() async throws {
    try await GatewayDouble.with(ports: 2, faults: DoubleFaults(fragments: true)) { double in
      let report = try await run(scenario(double))
      #expect(report.exitStatus == .ok)
      #expect(report.publications.due == 30)
      #expect(report.publications.sent == 30)
      #expect(report.publications.resent == 0)
      #expect(report.publications.acknowledged == 30)
      #expect(report.deliveries.expected == 90)
      #expect(report.deliveries.delivered == 90)
      #expect(report.deliveries.offenders == [])
      #expect(report.latencies.deliver.count == 90)
      #expect(report.latencies.acknowledge.count == 30)
      #expect(report.latencies.join.count == 6)
      #expect(report.connections.joined == 6)
      #expect(report.connections.attempts == 6)
      #expect(report.connections.reconnects == 0)
      #expect(report.errors == [:])
      // One ping with each join, and one between the fragments of each delivery.
      try await eventually { try await double.observations().pongs == 96 }
      let observed = try await double.observations()
      #expect(observed.eventSizes == [160])
      #expect(observed.joins == 6)
      #expect(Set(observed.targets) == ["/ws/load/0/", "/ws/load/1/"])
    }
  }

  @Test func `Latencies of a sample are those of its observers, and all the rest is exact`()
    async throws
  {
    let faults = DoubleFaults(
      delivery: { $0.publisher == 2 && $0.sequence == 1 ? .duplicate : .none }, fragments: true)
    try await GatewayDouble.with(ports: 2, faults: faults) { double in
      var scenario = scenario(double, clients: 20)
      scenario.sampling = Sampling(observers: 0.3, readEvery: .milliseconds(50))
      let plan = Plan(scenario)
      let observers = plan.clients.indices.count(where: plan.isObserver)
      #expect((2..<20).contains(observers))
      let report = try await run(scenario)
      #expect(report.observers == observers)
      #expect(report.publications.acknowledged == 100)
      #expect(report.deliveries.expected == 1000 && report.deliveries.delivered == 1000)
      #expect(report.deliveries.lost == 0 && report.deliveries.reordered == 0)
      #expect(report.deliveries.duplicated == 10)
      #expect(report.latencies.deliver.count == UInt64(observers * 50))
      #expect(report.latencies.acknowledge.count == UInt64(observers * 5))
      #expect(report.latencies.join.count == 20)
    }
  }

  @Test func `Clients that read on demand notice that they are cut off, and recover`() async throws
  {
    let faults = DoubleFaults(
      publish: { publisher, sequence, attempt in
        guard attempt == 1 else { return .none }
        if publisher == 1 && sequence == 1 { return .cutBefore }
        return publisher == 2 && sequence == 2 ? .cutAfter : .none
      })
    try await GatewayDouble.with(ports: 3, faults: faults) { double in
      var scenario = scenario(double)
      scenario.sampling = Sampling(observers: 0.000_001, readEvery: .milliseconds(20))
      let report = try await run(scenario)
      #expect(report.exitStatus == .ok && report.observers == 1)
      #expect(report.connections.reconnects == 2 && report.connections.recovered == 2)
      #expect(report.deliveries.delivered == 90 && report.deliveries.expected == 90)
    }
  }

  @Test func `Time that a client is away by its own will is nobody's latency`() async throws {
    try await GatewayDouble.with { double in
      var scenario = scenario(double, clients: 4)
      let away = Duration.seconds(4)
      scenario.behaviours[0].stay = DelayRange(
        lowest: .milliseconds(300), highest: .milliseconds(300))
      scenario.behaviours[0].away = DelayRange(lowest: away, highest: away)
      scenario.phases[1].hold = away + .seconds(1)
      let report = try await run(scenario)
      #expect(report.exitStatus == .ok && report.connections.recovered >= 4)
      #expect(report.publications.acknowledged == report.publications.due)
      #expect(report.latencies.deliver.count == UInt64(report.deliveries.delivered))
      #expect(report.latencies.deliver.maximum < 2000)
      #expect(report.latencies.acknowledge.maximum < 2000)
    }
  }

  @Test func `Lost deliveries are counted and named`() async throws {
    let faults = DoubleFaults(
      delivery: {
        $0.publisher == 3 && $0.member == 1 && (1...2).contains($0.sequence) ? .lose : .none
      }, forgetsHistory: true)
    try await GatewayDouble.with(faults: faults) { double in
      var scenario = scenario(double)
      scenario.grace = Self.hopelessGrace
      let report = try await run(scenario)
      #expect(report.exitStatus == .failed)
      #expect(report.deliveries.expected == 90)
      #expect(report.deliveries.delivered == 88)
      #expect(report.deliveries.lost == 2)
      #expect(report.deliveries.duplicated == 0)
      #expect(report.deliveries.reordered == 0)
      let offender = try #require(report.deliveries.offenders.first)
      #expect(report.deliveries.offenders.count == 1)
      #expect(offender.kind == .lost)
      #expect(offender.publisher == 3)
      #expect(offender.member % 2 == 1)
      #expect(offender.firstSequence == 1)
      #expect(offender.lastSequence == 2)
    }
  }

  @Test func `What the history still has is not lost, but late, and a failure`() async throws {
    let faults = DoubleFaults(
      delivery: {
        $0.publisher == 3 && $0.member == 1 && (1...2).contains($0.sequence) ? .lose : .none
      })
    try await GatewayDouble.with(faults: faults) { double in
      var scenario = scenario(double)
      scenario.grace = Self.hopelessGrace
      let report = try await run(scenario)
      #expect(report.exitStatus == .failed)
      #expect(report.deliveries.lost == 0 && report.deliveries.recoveredLate == 2)
      #expect(report.deliveries.expected == 90 && report.deliveries.delivered == 90)
      #expect(report.deliveries.duplicated == 0 && report.deliveries.reordered == 0)
    }
  }

  @Test func `Duplicated deliveries are counted and named`() async throws {
    let faults = DoubleFaults(delivery: {
      $0.publisher == 0 && $0.sequence == 4 ? .duplicate : .none
    })
    try await GatewayDouble.with(faults: faults) { double in
      let report = try await run(scenario(double))
      #expect(report.exitStatus == .failed)
      #expect(report.deliveries.delivered == 90)
      #expect(report.deliveries.duplicated == 3)
      #expect(report.deliveries.lost == 0)
      #expect(report.deliveries.reordered == 0)
      #expect(report.deliveries.offenders.map(\.kind) == [.duplicated, .duplicated, .duplicated])
      #expect(Set(report.deliveries.offenders.map(\.member)) == [0, 2, 4])
    }
  }

  @Test func `Swapped deliveries are counted as reordered, once each`() async throws {
    let faults = DoubleFaults(delivery: { $0.publisher == 1 && $0.sequence == 2 ? .swap : .none })
    try await GatewayDouble.with(faults: faults) { double in
      let report = try await run(scenario(double))
      #expect(report.exitStatus == .failed)
      #expect(report.deliveries.delivered == 90)
      #expect(report.deliveries.reordered == 3)
      #expect(report.deliveries.duplicated == 0)
      #expect(report.deliveries.lost == 0)
    }
  }

  @Test func `Publications that are never acknowledged are reported apart`() async throws {
    let faults = DoubleFaults(
      publish: { publisher, sequence, _ in
        if publisher == 2 && sequence == 4 { return .silent }
        return publisher == 3 && sequence == 0 ? .refuse("too_large") : .none
      })
    try await GatewayDouble.with(faults: faults) { double in
      var scenario = scenario(double)
      scenario.grace = Self.hopelessGrace
      let report = try await run(scenario)
      #expect(report.exitStatus == .failed)
      #expect(report.publications.unacknowledged == 2)
      #expect(report.publications.acknowledged == 28)
      #expect(report.errors == ["too_large": 1])
      #expect(
        report.deliveries.offenders.map(\.description) == [
          "unacknowledged: publisher 2, sequence 4", "unacknowledged: publisher 3, sequence 0",
        ])
      // The silent one reached everybody; the refused one nobody.
      #expect(report.deliveries.expected == 87)
      #expect(report.deliveries.delivered == 87)
      #expect(report.deliveries.lost == 0)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `What is refused for good is not waited for`() async throws {
    let faults = DoubleFaults(publish: { _, _, _ in .refuse("unknown_type") })
    try await GatewayDouble.with(faults: faults) { double in
      var scenario = scenario(double)
      scenario.grace = .seconds(300)
      let report = try await run(scenario)
      #expect(report.exitStatus == .failed && report.publications.rejected == 30)
      #expect(report.publications.unacknowledged == 30 && report.deliveries.expected == 0)
    }
  }

  @Test func `A member whose connection is cut recovers at the next target`() async throws {
    let faults = DoubleFaults(
      publish: { publisher, sequence, _ in publisher == 0 && sequence == 2 ? .cutMember(1) : .none }
    )
    try await GatewayDouble.with(ports: 2, faults: faults) { double in
      let report = try await run(scenario(double, clients: 3, groups: 1))
      #expect(report.exitStatus == .ok)
      #expect(report.deliveries.delivered == 45)
      #expect(report.connections.ends == ["lost": 1])
      #expect(report.connections.reconnects == 1)
      #expect(report.connections.recovered == 1)
      #expect(report.connections.notRecovered == 0)
      let observed = try await double.observations()
      #expect(observed.targets.last?.hasPrefix("/ws/load/0/?epoch=e%201&offset=") == true)
    }
  }

  @Test func `Publications cut off before or after publishing are sent again, in order`()
    async throws
  {
    let faults = DoubleFaults(
      publish: { publisher, sequence, attempt in
        guard attempt == 1 else { return .none }
        if publisher == 0 && sequence == 1 { return .cutBefore }
        return publisher == 1 && sequence == 2 ? .cutAfter : .none
      })
    try await GatewayDouble.with(ports: 3, faults: faults) { double in
      let report = try await run(scenario(double))
      #expect(report.exitStatus == .ok)
      // More than these two if others were under way on the same connections.
      #expect(report.publications.resent >= 2)
      #expect(report.publications.acknowledged == 30)
      #expect(report.deliveries.delivered == 90)
      #expect(report.connections.reconnects == 2)
      #expect(report.connections.recovered == 2)
      let arrivals = try await double.observations().arrivals.filter { $0.hasPrefix("0-") }
      #expect(arrivals == arrivals.sorted())
      #expect(Set(arrivals).count == 5)
      #expect(arrivals.count { $0 == "0-1" } == 2)
    }
  }

  @Test func `Unavailable publications are sent again before later ones`() async throws {
    let faults = DoubleFaults(
      publish: { publisher, sequence, attempt in
        publisher == 4 && sequence == 1 && attempt <= 3 ? .refuse("unavailable") : .none
      })
    try await GatewayDouble.with(faults: faults) { double in
      let report = try await run(scenario(double))
      #expect(report.exitStatus == .ok)
      #expect(report.errors == ["unavailable": 3])
      #expect(report.publications.resent == 3)
      #expect(report.publications.acknowledged == 30)
      #expect(report.deliveries.delivered == 90)
      #expect(report.deliveries.reordered == 0)
    }
  }

  @Test func `A forgotten history is reported as not recovered, and its publications as lost`()
    async throws
  {
    let faults = DoubleFaults(
      publish: { publisher, sequence, attempt in
        publisher == 0 && sequence == 2 && attempt == 1 ? .cutAfter : .none
      }, forgetsHistory: true)
    try await GatewayDouble.with(ports: 2, faults: faults) { double in
      // Publications fall between the cut and the reconnect, also on a machine that stumbles.
      var scenario = scenario(double, clients: 2, groups: 1, rate: 20)
      scenario.phases[1].hold = .seconds(2)
      scenario.reconnectDelay = DelayRange(lowest: .milliseconds(500), highest: .milliseconds(500))
      scenario.grace = Self.hopelessGrace
      let report = try await run(scenario)
      #expect(report.exitStatus == .failed)
      #expect(report.connections.notRecovered == 1)
      #expect(report.connections.recovered == 0)
      #expect(report.deliveries.lost > 0)
      #expect(report.deliveries.delivered + report.deliveries.lost == report.deliveries.expected)
      #expect(report.publications.unacknowledged == 0)
    }
  }

  @Test func `A draining gateway is left for the next one`() async throws {
    let faults = DoubleFaults(
      publish: { publisher, sequence, _ in publisher == 1 && sequence == 1 ? .drain : .none })
    try await GatewayDouble.with(ports: 2, faults: faults) { double in
      let report = try await run(scenario(double))
      #expect(report.exitStatus == .ok)
      #expect(report.connections.ends == ["close_1012": 1])
      #expect(report.connections.recovered == 1)
      #expect(report.deliveries.delivered == 90)
    }
  }

  @Test func `Rate zero only connects and listens`() async throws {
    try await GatewayDouble.with { double in
      let report = try await run(scenario(double, rate: 0))
      #expect(report.exitStatus == .ok)
      #expect(report.publications.due == 0)
      #expect(report.connections.joined == 6)
    }
  }

  // MARK: Runs that cannot begin, or are ended

  @Test func `Refused upgrades end the run with target and reason`() async throws {
    try await GatewayDouble.with(ports: 2, refusing: .notFound) { double in
      let scenario = scenario(double)
      let reasons = scenario.targets.map { "\($0.text): HTTP 404 Not Found" }
      await #expect(throws: LoadTestFailure.unreachable(reasons)) { try await run(scenario) }
    }
  }

  @Test func `A closed port ends the run with target and reason`() async throws {
    let scenario = try await GatewayDouble.with { self.scenario($0) }
    let target = try #require(scenario.targets.first)
    await #expect(throws: LoadTestFailure.unreachable(["\(target.text): Connection refused"])) {
      try await run(scenario)
    }
  }

  @Test func `A rejected token ends the run with the close code`() async throws {
    try await GatewayDouble.with(faults: DoubleFaults(rejectsTokens: true)) { double in
      let scenario = scenario(double)
      let reasons = scenario.targets.map { "\($0.text): closed with code 4001 (unauthenticated)" }
      await #expect(throws: LoadTestFailure.unreachable(reasons)) { try await run(scenario) }
    }
  }

  @Test func `An interrupted run gives a partial report`() async throws {
    try await GatewayDouble.with { double in
      var scenario = scenario(double)
      scenario.phases[1].hold = .seconds(600)
      try scenario.validate()
      let test = LoadTest(scenario: scenario, run: .example)
      async let pending = test.execute()
      try await eventually { try await double.observations().arrivals.count >= 20 }
      test.interrupt()
      let report = try await pending
      #expect(report.exitStatus == .interrupted)
      #expect(report.isClean)
      #expect(report.publications.due >= 20)
      #expect(report.deliveries.delivered == report.publications.due * 3)
    }
  }

  @Test func `A run interrupted before all have joined publishes nothing`() async throws {
    try await GatewayDouble.with(faults: DoubleFaults(joinLimit: 5)) { double in
      let test = LoadTest(scenario: self.scenario(double), run: .example)
      async let pending = test.execute()
      try await eventually { try await double.observations().joins == 5 }
      test.interrupt()
      let report = try await pending
      #expect(report.exitStatus == .interrupted)
      #expect(report.publications.due == 0)
    }
  }
}

import Foundation
import MartletTestSupport
import Testing

@testable import MartletLoadTest

/// Whole runs of scenarios against real gateways: what is owed comes, whoever comes and goes meanwhile.
@Suite struct GatewayRunTests {
  /// - Parameter gateways: behind the same memory there can only be one.
  private func run(
    _ gateway: RealGateway, _ yaml: String, environment: [String: String] = [:]
  ) async throws -> LoadTestReport {
    let seed = UInt64.random(in: 0 ... .max)
    print("GatewayRunTests seed: \(seed)")
    let scenario = try Scenario(
      yaml: """
        targets: [ws://127.0.0.1:\(gateway.port)]
        reconnect_delay: 5ms-50ms
        grace: 20s
        loops: 2
        interval: 100ms
        seed: \(seed)
        \(yaml)
        """, file: "run.yaml", environment: environment, readFile: { _ in nil })
    var generator = SeededGenerator(seed: seed)
    return try await LoadTest(
      scenario: scenario, run: RunIdentifier(using: &generator)
    ).execute()
  }

  private func expectClean(_ report: LoadTestReport) {
    #expect(report.exitStatus == .ok, "\(ReportTable.render(report))")
    #expect(report.deliveries.expected > 0)
    #expect(report.publications.acknowledged == report.publications.due)
    #expect(report.publications.unacknowledged == 0)
  }

  @Test(arguments: ["websocket", "websocket_h2", "sse", "sse_h2", "poll"])
  func `Every transport brings what its group publishes`(_ transport: String) async throws {
    try await RealGateway.with { gateway in
      let report = try await run(
        gateway,
        """
        groups: {rooms: {size: 4}}
        behaviours:
          - {name: a, path: "/ws/load/{group}/", transport: \(transport), publish: {every: 200ms, size: 300}}
        phases:
          - {name: join, clients: 12, pace: 0, wait_for_joins: 20s}
          - {name: run, hold: 1s}
        """)
      expectClean(report)
      #expect(report.publications.due == 60 && report.deliveries.expected == 240)
      #expect(report.deliveries.delivered == 240)
      #expect(report.latencies.deliver.count == 240 && report.latencies.acknowledge.count == 60)
      #expect(report.latencies.join.count == 12)
    }
  }

  @Test func `A group has members on all transports, some compressed`() async throws {
    try await RealGateway.with { gateway in
      let report = try await run(
        gateway,
        """
        groups: {rooms: {count: 2}}
        behaviours:
          - {name: a, path: "/ws/load/{group}/", compression: true, publish: {every: 50ms-150ms, size: 500-900}}
          - {name: b, path: "/ws/load/{group}/", transport: websocket_h2, streams_per_connection: 2, publish: {every: {exponential: 100ms}, size: 200}}
          - {name: c, path: "/ws/load/{group}/", transport: sse}
          - {name: d, path: "/ws/load/{group}/", transport: poll, publish: {rate: 3, size: 200}}
        phases:
          - {name: join, clients: 16, pace: 0, wait_for_joins: 20s}
          - {name: run, hold: 1s}
        """)
      expectClean(report)
      #expect(report.deliveries.delivered == report.deliveries.expected)
      #expect(report.deliveries.expected == report.publications.due * 8)
    }
  }

  @Test func `Whoever comes while others publish is owed what is due from then on`() async throws {
    try await RealGateway.with { gateway in
      let report = try await run(
        gateway,
        """
        groups: {rooms: {count: 2}}
        behaviours: [{name: a, path: "/ws/load/{group}/", publish: {every: 20ms-60ms, size: 200}}]
        phases:
          - {name: few, clients: 4, hold: 300ms}
          - {name: more, clients: 12, ramp: 500ms, hold: 200ms}
          - {name: less, clients: 3, ramp: 500ms, pace: 2}
          - {name: again, clients: 6, ramp: 200ms, hold: 200ms}
        """)
      #expect(report.exitStatus == .ok, "\(ReportTable.render(report))")
      #expect(report.clients == 15)
      #expect(report.connections.joined == 6)
      // Far fewer than everybody would have got who ever came.
      #expect(report.deliveries.expected > 200)
      #expect(report.deliveries.delivered >= report.deliveries.expected)
      #expect(report.phases.map(\.clients) == [4, 12, 3, 6])
    }
  }

  @Test func `Who leaves for a while, or is cut off, misses nothing`() async throws {
    try await RealGateway.with { gateway in
      let report = try await run(
        gateway,
        """
        groups: {rooms: {count: 2}}
        behaviours: [{name: a, path: "/ws/load/{group}/", publish: {every: 200ms, size: 200}, stay: 100ms-600ms, away: 10ms-100ms}]
        phases:
          - {name: join, clients: 10, pace: 0, wait_for_joins: 20s}
          - {name: run, hold: 2s}
        faults:
          - {at: 500ms, drop: 50%}
          - {at: 900ms, stall: 30%, for: 300ms}
        """)
      expectClean(report)
      #expect(report.publications.due == 100 && report.deliveries.expected == 500)
      #expect(report.connections.reconnects > 10 && report.connections.notRecovered == 0)
      #expect(report.connections.recovered == report.connections.reconnects)
      #expect(report.latencies.recover.count == UInt64(report.connections.recovered))
      #expect((report.connections.ends["dropped"] ?? 0) > 0)
      #expect(report.faults.map(\.result) == ["done", "done"])
    }
  }

  @Test func `Who comes and goes on a shared connection never loses it`() async throws {
    try await RealGateway.with { gateway in
      let report = try await run(
        gateway,
        """
        groups: {rooms: {count: 2}}
        behaviours: [{name: a, path: "/ws/load/{group}/", transport: websocket_h2, stay: 1ms-10ms, away: 1ms}]
        phases: [{name: churn, clients: 20, hold: 3s}]
        """)
      // More than the resets that a server would allow.
      #expect(report.connections.attempts > 400, "\(ReportTable.render(report))")
      #expect(report.connections.ends == [:] && report.connections.failedAttempts == 0)
    }
  }

  @Test func `Ephemeral events are counted and timed, and owed to nobody`() async throws {
    let routes = """
      presence: {grace: 200ms, batch: 20ms}
      """
    try await RealGateway.with(routes) { gateway in
      let report = try await run(
        gateway,
        """
        groups: {rooms: {size: 3}}
        behaviours:
          - {name: typist, path: "/ws/room/{group}/", publish: {type: user_typing, every: 100ms, size: 200, ephemeral: true}}
        phases:
          - {name: join, clients: 3, pace: 0, wait_for_joins: 20s}
          - {name: run, hold: 1s}
        """)
      #expect(report.exitStatus == .ok && report.publications.due == 0)
      #expect(report.publications.ephemeralSent == 30)
      // The sender is excluded.
      #expect(report.deliveries.ephemeralReceived == 60)
      #expect(report.deliveries.expected == 0 && report.latencies.deliver.count == 60)
    }
  }

  @Test func `The time until others see who has come is measured`() async throws {
    try await RealGateway.with("presence: {grace: 200ms, batch: 20ms}") { gateway in
      let report = try await run(
        gateway,
        """
        groups: {rooms: {size: 4}}
        behaviours:
          - {name: visitor, path: "/ws/room/{group}/?name=v{client}-{started}", watch_presence: true}
        phases:
          - {name: join, clients: 4, ramp: 400ms, wait_for_joins: 20s}
          - {name: look, hold: 500ms}
        thresholds: [presence.p99 < 60s, failed_attempts == 0, joined == 4]
        """)
      #expect(report.exitStatus == .ok, "\(ReportTable.render(report))")
      // The second, third and fourth are seen by those before them, and maybe by themselves.
      #expect(report.latencies.presence.count >= 6)
    }
  }

  @Test func `Tokens are signed for each client, and a wrong secret lets nobody in`() async throws {
    let secret = "a secret of at least 32 bytes, for tests"
    let auth = """
      auth: {tokens: [{algorithm: HS256, secret: "\(secret)"}]}
      """
    let yaml = """
      groups: {rooms: {count: 3}}
      behaviours:
        - name: a
          path: /ws/projects/{group}/
          token: {algorithm: HS256, secret: "${SECRET}", claims: {sub: "u{client}", projects: ["{group}"]}}
          publish: {every: 250ms, size: 200}
      phases:
        - {name: join, clients: 6, pace: 0, wait_for_joins: 5s}
        - {name: run, hold: 500ms}
      """
    try await RealGateway.with(auth) { gateway in
      let report = try await run(gateway, yaml, environment: ["SECRET": secret])
      expectClean(report)
      #expect(report.deliveries.delivered == 24)
      let failure = await #expect(throws: LoadTestFailure.self) {
        _ = try await run(
          gateway, yaml, environment: ["SECRET": String(secret.reversed())])
      }
      #expect(failure?.description.contains("4001") == true)
    }
  }

  @Test func `A command is run in its moment, and its end reported`() async throws {
    try await RealGateway.with { gateway in
      let report = try await run(
        gateway,
        """
        groups: {rooms: {count: 1}}
        behaviours: [{name: a, path: /ws/load/1/}]
        phases: [{name: stay, clients: 2, hold: 600ms}]
        faults:
          - {at: 100ms, run: "exit 3"}
          - {at: 200ms, run: "true"}
        """)
      #expect(report.faults.map(\.result) == ["exit status 3", "exit status 0"])
      #expect(report.exitStatus == .ok)
    }
  }

  @Test func `A command that goes on does not keep the run from ending`() async throws {
    try await RealGateway.with { gateway in
      let report = try await run(
        gateway,
        """
        groups: {rooms: {count: 1}}
        behaviours: [{name: a, path: /ws/load/1/}]
        phases: [{name: stay, clients: 1, hold: 400ms}]
        faults: [{at: 100ms, run: "sleep 3600; echo never"}]
        """)
      #expect(report.faults.map(\.result) == [nil])
      #expect(report.exitStatus == .ok)
    }
  }

  @Test func `Who is away when the others come has joined all the same`() async throws {
    try await RealGateway.with { gateway in
      let report = try await run(
        gateway,
        """
        groups: {rooms: {count: 1}}
        behaviours: [{name: a, path: /ws/load/1/, stay: 50ms, away: 400ms}]
        phases: [{name: join, clients: 6, ramp: 600ms, wait_for_joins: 20s}]
        """)
      #expect(report.exitStatus == .ok && report.clients == 6)
    }
  }

  @Test func `The same seed draws the same gaps and sizes`() async throws {
    try await RealGateway.with { gateway in
      let yaml = """
        groups: {rooms: {count: 1}}
        behaviours: [{name: a, path: /ws/load/1/, publish: {every: 10ms-90ms, size: 200-900}}]
        phases:
          - {name: join, clients: 3, pace: 0, wait_for_joins: 20s}
          - {name: run, hold: 700ms}
        """
      let seeded = { (seed: UInt64) in
        let scenario = try Scenario(
          yaml: "targets: [ws://127.0.0.1:\(gateway.port)]\nseed: \(seed)\n\(yaml)",
          file: "run.yaml", environment: [:], readFile: { _ in nil })
        return try await LoadTest(scenario: scenario, run: .example).execute().publications.due
      }
      let first = try await seeded(7)
      #expect(first > 20)
      #expect(try await seeded(7) == first)
    }
  }
}

import Foundation
import MartletTestSupport
import Testing

@testable import MartletLoadTest

/// The scenarios of loadtest/foreign against its server: Python's websockets, which know nothing of Martlet.
@Suite struct ForeignServerTests {
  private static let folder = ProgramProcess.repository
    .appending(components: "loadtest", "foreign")

  private func withServer(_ options: [String] = [], _ body: (Int) async throws -> Void)
    async throws
  {
    // The module may be that of Debian's Python, which need not be the first one.
    let script = """
      for python in python3 /usr/bin/python3; do
        "$python" -c 'import websockets' 2>/dev/null && exec "$python" "$0" 0 "$@"
      done
      echo 'there is no Python with websockets: scripts/bootstrap test'
      """
    let server = try ProgramProcess(
      URL(filePath: "/bin/sh"),
      ["-c", script, Self.folder.appending(component: "server.py").path()] + options)
    var port: Int?
    try await eventually("the server listens") {
      guard server.isRunning else { throw NeverTrue(what: "it runs: \(server.output)") }
      port = server.output.split(separator: "\n").first { $0.hasPrefix("listening on ") }
        .flatMap { Int($0.dropFirst("listening on ".count)) }
      return port != nil
    }
    try await body(try #require(port))
  }

  /// Runs a scenario file with fewer clients, and for a shorter time.
  private func run(_ name: String, port: Int, clients: Int = 20) async throws -> LoadTestReport {
    let yaml = try String(
      contentsOf: Self.folder.appending(component: "\(name).yaml"), encoding: .utf8)
    var scenario = try Scenario(
      yaml: yaml, file: "\(name).yaml", environment: [:], readFile: { _ in nil })
    scenario.targets = [Target(host: "127.0.0.1", port: port)]
    scenario.phases[0].clients = clients
    scenario.phases[0].ramp = .zero
    scenario.phases[1].hold = .seconds(2)
    scenario.grace = .seconds(2)
    scenario.thresholds.removeAll { $0.text.hasPrefix("deliver") }
    return try await LoadTest(scenario: scenario, run: .example).execute()
  }

  @Test(arguments: [("echo", 80, 80), ("rooms", 40, 400), ("chat", 40, 360)])
  func `A server with another protocol is driven, and its deliveries are counted`(
    _ name: String, _ published: Int, _ expected: Int
  ) async throws {
    try await withServer { port in
      let report = try await run(name, port: port)
      #expect(report.exitStatus == .ok, "\(ReportTable.render(report))")
      #expect(report.publications.due == published)
      #expect(report.publications.acknowledged == published)
      #expect(report.deliveries.expected == expected)
      #expect(report.deliveries.delivered == expected)
      #expect(report.latencies.deliver.count == UInt64(expected))
    }
  }

  @Test func `What another server loses is counted and named`() async throws {
    try await withServer(["--lose", "2"]) { port in
      let report = try await run("rooms", port: port)
      // Each connection's second message does not reach the first member of its room; that one's own was never acknowledged.
      #expect(report.exitStatus == .failed)
      #expect(report.deliveries.lost == 20 && report.publications.unacknowledged == 2)
      #expect(report.deliveries.offenders.contains { $0.kind == .lost && $0.firstSequence == 1 })
    }
  }
}

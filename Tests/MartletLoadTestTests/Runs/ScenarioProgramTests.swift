import Foundation
import MartletTestSupport
import Testing

@testable import MartletLoadTest

/// The built program with scenario files: results, worker processes, searches, merging.
@Suite struct ScenarioProgramTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appending(component: "martlet-loadtest-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func cleanUp() { try? FileManager.default.removeItem(at: folder) }

  private func file(_ name: String) -> String { folder.appending(component: name).path() }

  private func start(_ arguments: [String], environment: [String: String] = [:]) throws
    -> ProgramProcess
  {
    try ProgramProcess(
      ProgramProcess.built("martlet-loadtest"), arguments, environment: environment)
  }

  private func run(_ arguments: [String]) async throws -> (status: Int32, output: String) {
    let process = try start(arguments)
    let status = try await process.status()
    return (status, process.output)
  }

  private func scenario(
    _ double: GatewayDouble, clients: Int = 6, thresholds: String = "[lost == 0]"
  ) throws -> String {
    let yaml = """
      targets: [\(double.ports.map { "ws://127.0.0.1:\($0)" }.joined(separator: ", "))]
      groups: {rooms: {count: 2}}
      behaviours: [{name: a, path: "/ws/load/{group}/", publish: {every: 100ms, size: 200}}]
      phases:
        - {name: join, clients: \(clients), pace: 0, wait_for_joins: 20s}
        - {name: run, hold: 1s}
      interval: 200ms
      reconnect_delay: 5ms-20ms
      thresholds: \(thresholds)
      """
    try yaml.write(toFile: file("mine.yaml"), atomically: true, encoding: .utf8)
    return file("mine.yaml")
  }

  @Test func `A scenario leaves results in every form, which can be merged`() async throws {
    defer { cleanUp() }
    try await GatewayDouble.with(ports: 2) { double in
      let outcome = try await run([
        "run", try scenario(double), "--json", file("a.json"), "--html", file("a.html"), "--csv",
        file("a.csv"), "--hgrm", file("a.hgrm"),
      ])
      #expect(outcome.status == 0, "\(outcome.output)")
      #expect(outcome.output.contains("pass  lost == 0"))
    }
    let report = try ReportFile.read(file("a.json"))
    #expect(report.deliveries.delivered == 180 && report.scenario.name == "mine")
    #expect(report.intervals.count >= 4 && report.phases.map(\.name) == ["join", "run"])
    #expect(
      report.intervals.reduce(0) { $0 + Int($1.latencies.deliver.count) } <= 180)
    #expect(try String(contentsOfFile: file("a.html"), encoding: .utf8).contains("<svg"))
    #expect(
      try String(contentsOfFile: file("a.csv"), encoding: .utf8).split(separator: "\n").count
        == report.intervals.count + 1)
    #expect(
      try String(contentsOfFile: file("a.deliver.hgrm"), encoding: .utf8).contains("Percentile"))

    let twice = try await run(["report", file("a.json"), file("a.json")])
    #expect(twice.status == 2 && twice.output.contains("would count twice"))
    var other = report
    other.run = "other"
    try ReportFile.write(other, to: file("b.json"))
    let merged = try await run([
      "report", file("a.json"), file("b.json"), "--json", file("both.json"),
    ])
    #expect(merged.status == 0)
    #expect(try ReportFile.read(file("both.json")).deliveries.delivered == 360)
    let wrong = try await run(["report", file("a.csv")])
    #expect(wrong.status == 2 && wrong.output.contains("cannot read"))
  }

  @Test func `A threshold that does not hold ends the program with 99`() async throws {
    defer { cleanUp() }
    try await GatewayDouble.with { double in
      let outcome = try await run([
        "run", try scenario(double, thresholds: "[sent_per_second > 100000]"),
      ])
      #expect(outcome.status == 99)
      #expect(outcome.output.contains("FAIL  sent_per_second > 100000"))
    }
  }

  @Test func `Worker processes share a run, whose metrics can be scraped`() async throws {
    defer { cleanUp() }
    let port = try await FreePort.find()
    let metricsPort = try await FreePort.find()
    try await GatewayDouble.with(ports: 2) { double in
      let secret = ["MARTLET_LOADTEST_SECRET": "s"]
      let coordinator = try start(
        [
          "run", try scenario(double), "--coordinator", "\(port)", "--workers", "2", "--json",
          file("a.json"), "--prometheus", "\(metricsPort)", "--duration", "3s",
        ], environment: secret)
      let workers = try (0..<2).map { _ in
        try start(["run", "--worker", "http://127.0.0.1:\(port)"], environment: secret)
      }
      var scraped = ""
      try await eventually("deliveries are scraped") {
        guard coordinator.isRunning else { return true }
        scraped = (try? await HTTPTestClient.request(port: metricsPort, "/metrics").body) ?? ""
        return scraped.split(separator: "\n").contains {
          $0.hasPrefix("martlet_loadtest_deliveries_total ") && !$0.hasSuffix(" 0")
        }
      }
      #expect(try await coordinator.status() == 0, "\(coordinator.output)")
      for worker in workers {
        #expect(try await worker.status() == 0, "\(worker.output)")
      }
      #expect(scraped.contains("martlet_loadtest_deliveries_total"))
    }
    let report = try ReportFile.read(file("a.json"))
    #expect(report.workers == 2 && report.deliveries.delivered == 540)
    #expect(report.deliveries.expected == 540 && report.processes.count == 2)
  }

  @Test func `A worker that is killed ends the run, and its coordinator says so`() async throws {
    defer { cleanUp() }
    let port = try await FreePort.find()
    try await GatewayDouble.with { double in
      let coordinator = try start([
        "run", try scenario(double), "--coordinator", "\(port)", "--workers", "1", "--duration",
        "1h",
      ])
      let worker = try start(["run", "--worker", "http://127.0.0.1:\(port)"])
      try await eventually("clients publish") {
        try await double.observations().arrivals.count >= 10
      }
      worker.kill()
      #expect(try await coordinator.status() == 2)
      #expect(coordinator.output.contains("worker 0"))
      #expect(coordinator.output.contains("has not been heard of"))
    }
  }

  @Test func `The largest load is searched until a threshold breaks`() async throws {
    defer { cleanUp() }
    try await GatewayDouble.with { double in
      let process = try start([
        "find-max", try scenario(double, thresholds: "[joined < 7, generator_bound <= 1]"),
        "--from", "2", "--to", "40",
        "--trial", "1s",
      ])
      let status = try await process.status(within: .seconds(120))
      #expect(status == 0, "\(process.output)")
      #expect(process.output.contains("largest load that holds: 6 clients"))
    }
  }
}

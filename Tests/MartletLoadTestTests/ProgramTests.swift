import Foundation
import NIOHTTP1
import Testing

@testable import MartletLoadTest

/// The built program: options, output, exit status.
@Suite struct ProgramTests {
  private struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  private static var program: URL {
    // The program is built beside the test bundle.
    URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appending(component: "martlet-loadtest")
  }

  /// Runs the program; `interruptWhen` is asked again and again whether to send SIGINT.
  private func run(
    _ arguments: [String], program: URL = Self.program,
    interruptWhen: () async throws -> Bool = { false }
  ) async throws -> Outcome {
    let folder = try Self.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = ["output", "errors"].map { folder.appending(component: $0) }
    for file in files { try Data().write(to: file) }
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    let deadline = ContinuousClock.now.advanced(by: .seconds(60))
    var isInterrupted = false
    while process.isRunning {
      if ContinuousClock.now > deadline { process.terminate() }
      if !isInterrupted, try await interruptWhen() {
        process.interrupt()
        isInterrupted = true
      }
      try await Task.sleep(for: .milliseconds(5))
    }
    return Outcome(
      status: process.terminationStatus,
      output: try String(contentsOf: files[0], encoding: .utf8),
      errors: try String(contentsOf: files[1], encoding: .utf8))
  }

  private static func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory
      .appending(component: "martlet-loadtest-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  private func arguments(_ double: GatewayDouble, duration: String = "300ms") -> [String] {
    let targets = double.ports.map { "ws://127.0.0.1:\($0)" }.joined(separator: ",")
    return [
      "run", "--target", targets, "--clients", "4", "--groups", "2", "--rate", "10", "--size",
      "140", "--duration", duration, "--ramp", "0s", "--grace", "20s",
    ]
  }

  @Test func `A clean run prints a table, writes JSON and exits with 0`() async throws {
    let folder = try Self.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(component: "result.json")
    try await GatewayDouble.with(ports: 2) { double in
      let outcome = try await run(
        arguments(double) + ["--json", file.path(), "--token", "secret"])
      #expect(outcome.status == 0)
      #expect(outcome.output.contains("OK: nothing lost, duplicated or reordered"))
      #expect(outcome.output.contains("24 expected, 24 delivered"))
    }
    let report = try ReportFile.read(file.path())
    #expect(report.deliveries.delivered == 24)
    #expect(report.commandLine.contains("--clients 4 --groups 2 --rate 10 --size 140"))
    #expect(try !String(contentsOf: file, encoding: .utf8).contains("secret"))
  }

  @Test func `A failed run names the offenders and exits with 1`() async throws {
    let faults = DoubleFaults(
      delivery: { $0.publisher == 2 && $0.sequence == 1 ? .duplicate : .none })
    try await GatewayDouble.with(faults: faults) { double in
      let outcome = try await run(arguments(double))
      #expect(outcome.status == 1)
      #expect(outcome.output.contains("FAILED: 2 duplicated"))
      #expect(outcome.output.contains("duplicated: member 0, publisher 2, sequence 1"))
    }
  }

  #if os(Linux)
    @Test func `An output that cannot be written costs no other, and exits with 74`() async throws {
      let folder = try Self.temporaryFolder()
      defer { try? FileManager.default.removeItem(at: folder) }
      let file = { (name: String) in folder.appending(component: name).path() }
      try ReportFile.write(ReportFixtures.report(seconds: 3), to: file("in.json"))
      let outcome = try await run([
        "report", file("in.json"), "--json", "/dev/full", "--html", file("a.html"), "--csv",
        file("a.csv"),
      ])
      #expect(outcome.status == 74)
      #expect(outcome.errors == "Error: cannot write --json '/dev/full': No space left on device\n")
      #expect(outcome.output.contains("OK: nothing lost"))
      for name in ["a.html", "a.csv"] {
        #expect(try !Data(contentsOf: folder.appending(component: name)).isEmpty)
      }

      let silent = try await run(
        ["-c", "exec '\(Self.program.path())' report '\(file("in.json"))' > /dev/full"],
        program: URL(filePath: "/bin/sh"))
      #expect(silent.status == 74)
      #expect(silent.errors.contains("standard output: No space left on device"))

      // What was found goes before what could not be written.
      let lossy = ReportFixtures.report(seconds: 3, disturbedAt: 1)
      try ReportFile.write(lossy, to: file("lossy.json"))
      let failed = try await run(["report", file("lossy.json"), "--html", "/dev/full"])
      #expect(failed.status == 1 && failed.errors.contains("cannot write --html '/dev/full'"))
    }
  #endif

  @Test func `A result that cannot be read exits with 2 and says why`() async throws {
    let missing = try await run(["report", "/no/such.json"])
    #expect(missing.status == 2)
    #expect(missing.errors == "Error: cannot read '/no/such.json': No such file or directory\n")
    let folder = try await run(["report", "/"])
    #expect(folder.status == 2 && folder.errors.contains("cannot read '/': Is a directory"))
    let help = try await run(["report", "--help"]).output
    #expect(
      help.contains("2    a file of results cannot be read") && !help.contains("no connection"))
  }

  @Test func `An unreachable target exits with 2 and says why`() async throws {
    try await GatewayDouble.with(refusing: .serviceUnavailable) { double in
      let outcome = try await run(arguments(double))
      #expect(outcome.status == 2)
      let port = try #require(double.ports.first)
      #expect(outcome.errors.contains("ws://127.0.0.1:\(port): HTTP 503 Service Unavailable"))
    }
    let unknown = try await run([
      "run", "--target", "ws://no-such-host.invalid:1", "--clients", "1", "--groups", "1",
    ])
    #expect(unknown.status == 2)
    #expect(unknown.errors.contains("cannot resolve ws://no-such-host.invalid:1"))
  }

  @Test func `SIGINT gives the partial report and exits with 130`() async throws {
    try await GatewayDouble.with { double in
      let outcome = try await run(arguments(double, duration: "1h")) {
        try await double.observations().arrivals.count >= 8
      }
      #expect(outcome.status == 130)
      #expect(outcome.output.contains("INTERRUPTED, partial result: OK"))
    }
  }

  @Test(arguments: [
    ("--target", "http://a", "ws://HOST"), ("--clients", "0", "from 1 to"),
    ("--groups", "9", "number of clients (4)"), ("--rate", "-1", "0 or from 0.00001 to 10000"),
    ("--duration", "5", "250ms"), ("--json", "/no/such/folder/x", "does not exist"),
    ("--size", "12", "from 1"), ("--reconnect-delay", "1s-1ms", "smaller one first"),
  ])
  func `A wrong option exits with 64 and names option, value and what is allowed`(
    option: String, value: String, allowed: String
  ) async throws {
    var options = [
      "--target": "ws://127.0.0.1:1", "--clients": "4", "--groups": "2", "--rate": "1",
    ]
    options[option] = value
    let outcome = try await run(["run"] + options.map { "\($0.key)=\($0.value)" })
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("\(option) '\(value)'") || outcome.errors.contains(value))
    #expect(outcome.errors.contains(option))
    #expect(outcome.errors.contains(allowed))
  }

  @Test func `Too few file descriptors are refused with advice`() async throws {
    let command =
      "ulimit -n 100; exec '\(Self.program.path())' run --target ws://127.0.0.1:1 "
      + "--clients 50 --groups 1"
    let outcome = try await run(["-c", command], program: URL(filePath: "/bin/sh"))
    #expect(outcome.status == 2)
    #expect(
      outcome.errors.contains("50 sockets need 150 file descriptors, and this process may have 100")
    )
    #expect(outcome.errors.contains("ulimit"))
  }

  @Test func `The help has an example`() async throws {
    let outcome = try await run(["run", "--help"])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("martlet-loadtest run --target ws://127.0.0.1:8080"))
    #expect(outcome.output.contains("130  interrupted"))
  }

  @Test func `Validate says what a scenario would do, and what is wrong with it`() async throws {
    let folder = try Self.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(component: "mine.yaml")
    try Fixtures.yaml().write(to: file, atomically: true, encoding: .utf8)
    let outcome = try await run(["validate", file.path(), "--clients", "20"])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("0 → 20 clients over 1s"))
    try (Fixtures.yaml() + "\nloops: x").write(to: file, atomically: true, encoding: .utf8)
    for command in ["validate", "run", "find-max"] {
      let refused = try await run([command, file.path()])
      #expect(refused.status == 64)
      #expect(refused.errors.contains("mine.yaml:5: loops: \"x\" is not allowed"))
    }
    let missing = try await run(["run", "/no/such.yaml"])
    #expect(missing.status == 64 && missing.errors.contains("cannot read the scenario"))
  }

  @Test func `Every command explains itself`() async throws {
    let main = try await run(["--help"])
    for command in [
      "run", "validate", "find-max", "report", "connect", "fanout", "chat", "presence", "typing",
      "reconnect-storm", "soak",
    ] {
      #expect(main.output.contains("  \(command) "))
      let outcome = try await run([command, "--help"])
      #expect(outcome.status == 0)
      #expect(outcome.output.contains("martlet-loadtest \(command)"))
      #expect(outcome.output.contains("EXAMPLE") && outcome.output.contains("EXIT STATUS"))
    }
  }

  @Test func `A built-in scenario is printed, and its flags are checked`() async throws {
    let printed = try await run(["chat", "--print"])
    #expect(printed.status == 0 && printed.output == BuiltInScenario.chat.yaml)
    for (arguments, problem) in [
      (["connect", "--rate", "1"], "--rate '1' is refused: nothing, since nobody publishes"),
      (["chat", "--html", "/no/such/folder/x"], "--html '/no/such/folder/x' is refused"),
      (["chat", "--workers", "2"], "together with --coordinator"),
      (["run", "--worker", "http://127.0.0.1:1", "--clients", "1"], "no other option beside it"),
      (["find-max", "--clients", "1"], "--from and --to"), (["report"], "<results>"),
    ] {
      let refused = try await run(arguments)
      #expect(refused.status == 64)
      #expect(refused.errors.contains(problem), "\(refused.errors)")
    }
  }
}

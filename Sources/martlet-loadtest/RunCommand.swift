import ArgumentParser
import MartletCore
import MartletLoadTest
import UnixSignals

/// `martlet-loadtest run`: options in, report out.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Joins all clients, lets them publish on a fixed schedule, and reports.",
    discussion: """
      Client i joins group i mod GROUPS by way of target i mod TARGETS. When all have joined, \
      each publishes RATE events per second on a schedule decided in advance; every member of a \
      group must receive every publication of its group, its own included. Latencies count from \
      the time at which a publication was intended to leave. A client that loses its connection \
      goes on at the next target, from its position.

      EXAMPLE
        martlet-loadtest run --target ws://127.0.0.1:8080,ws://127.0.0.1:8081 \\
          --clients 1000 --groups 100 --rate 1 --size 128 \\
          --duration 30s --json result.json

      EXIT STATUS
        0    everything arrived once, in order
        1    something was lost, duplicated, reordered or never acknowledged
        2    the run could not begin: no connection, or too few file descriptors
        64   an option is wrong
        130  interrupted; the report is partial

      Durations are whole numbers with a unit: 250ms, 30s, 10m, 1h, 1d.
      """)

  @Option(help: "Gateways, separated by commas: ws://HOST:PORT,… or wss:// for TLS.")
  var target: String

  @Option(help: "Simulated clients, each one connection and one publisher.")
  var clients: Int

  @Option(help: "Groups, at most one for each client.")
  var groups: Int

  @Option(help: "Publications of each client per second; 0 only connects and listens.")
  var rate: Double = 1

  @Option(help: "Bytes of each event.")
  var size: Int = 128

  @Option(help: "How long clients publish.")
  var duration: String = "30s"

  @Option(help: "Path of the WebSocket; {group} becomes the group's number.")
  var path: String = "/ws/load/{group}/"

  @Option(help: "Time over which the first connects are spread.")
  var ramp: String = "5s"

  @Option(help: "Longest wait for stragglers after the last publication.")
  var grace: String = "10s"

  @Option(help: "Event loops (threads); 0 takes half of the cores.")
  var loops: Int = 0

  @Option(help: "Random wait before a reconnect or a retry: one duration, or two as 100ms-1s.")
  var reconnectDelay: String = "100ms-1s"

  @Option(help: "Type of the published events.")
  var eventType: String = "load"

  @Option(help: "JWT of all clients, sent as Authorization: Bearer.")
  var token: String?

  @Option(
    name: .customLong("ca"),
    help: "PEM file of the authorities that vouch for wss:// targets; default: the system's.")
  var certificateAuthorityFile: String?

  @Flag(help: "Do not check the certificates of wss:// targets.")
  var insecure = false

  @Option(name: .customLong("json"), help: "Write the summary to this file.")
  var jsonFile: String?

  func validate() throws {
    do throws(SettingsError) {
      _ = try settings()
    } catch {
      throw ValidationError(error.description)
    }
  }

  func run() async throws {
    let settings = try settings()
    var generator = SystemRandomNumberGenerator()
    let (samples, continuation) = AsyncStream.makeStream(
      of: ProgressSample.self, bufferingPolicy: .bufferingNewest(1))
    let test = LoadTest(settings: settings, run: RunIdentifier(using: &generator)) {
      continuation.yield($0)
    }

    let report: LoadTestReport
    do {
      report = try await Self.withInterrupts(of: test) {
        async let progress: Void = Self.show(samples)
        defer { continuation.finish() }
        let result = try await test.execute()
        continuation.finish()
        await progress
        return result
      }
    } catch let failure as LoadTestFailure {
      throw Self.exit(failure.description, .unreachable)
    }

    print(ReportTable.render(report), terminator: "")
    if let jsonFile = settings.jsonFile {
      do {
        try ReportFile.write(report, to: jsonFile)
      } catch {
        throw Self.exit("cannot write \(jsonFile): \(error)", .failed)
      }
    }
    guard report.exitStatus == .ok else { throw ExitCode(report.exitStatus.rawValue) }
  }

  /// The options as checked settings.
  private func settings() throws(SettingsError) -> LoadTestSettings {
    var settings = LoadTestSettings(
      targets: try Target.parseList(target), clients: clients, groups: groups, rate: rate,
      size: size, duration: try Self.duration(duration, "--duration"))
    settings.path = path
    settings.ramp = try Self.duration(ramp, "--ramp")
    settings.grace = try Self.duration(grace, "--grace")
    settings.loops = loops
    settings.reconnectDelay = try DelayRange(parsing: reconnectDelay, option: "--reconnect-delay")
    settings.eventType = eventType
    settings.token = token
    settings.certificateAuthorityFile = certificateAuthorityFile
    settings.verifiesServers = !insecure
    settings.jsonFile = jsonFile
    try settings.validate()
    if let jsonFile { try ReportFile.check(jsonFile) }
    return settings
  }

  private static func duration(_ text: String, _ option: String) throws(SettingsError) -> Duration {
    guard let duration = DurationText.parse(text) else {
      throw SettingsError(option: option, value: text, allowed: DurationText.form)
    }
    return duration
  }

  private static func show(_ samples: AsyncStream<ProgressSample>) async {
    let printer = ProgressPrinter()
    for await sample in samples { printer.show(sample) }
    printer.finish()
  }

  /// Runs `body`; SIGINT and SIGTERM meanwhile interrupt the test.
  private static func withInterrupts<Result: Sendable>(
    of test: LoadTest, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask {
        for await _ in signals { test.interrupt() }
        return nil
      }
      group.addTask { try await body() }
      defer { group.cancelAll() }
      while let result = try await group.next() {
        if let result { return result }
      }
      // The body's task returns a result or throws.
      throw CancellationError()
    }
  }

  private static func exit(
    _ message: String, _ status: LoadTestReport.ExitStatus
  ) -> any Error {
    StandardError.write("Error: \(message)\n")
    return ExitCode(status.rawValue)
  }
}

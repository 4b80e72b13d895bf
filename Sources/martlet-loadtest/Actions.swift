import Foundation
import MartletCore
import MartletLoadTest
import Synchronization
import UnixSignals

/// What commands do once their options are understood: the only place where the program meets the engine.
///
/// Each returns the exit status of the program.
enum Actions {
  /// A run of a scenario.
  static func run(
    _ scenario: Scenario, outputs: OutputSettings, distribution: Distribution
  ) async throws -> ExitStatus {
    try await reporting(outputs) { show in
      var generator = SystemRandomNumberGenerator()
      let run = RunIdentifier(using: &generator)
      let test = LoadTest(
        scenario: scenario, run: run, commandLine: typedCommandLine, observe: show)
      return try await withInterrupts(calling: test.interrupt) {
        guard case .coordinator(let address, let workers) = distribution else {
          return try await test.execute()
        }
        return try await coordinate(scenario, test, run: run, on: address, workers: workers)
      }
    }
  }

  private static func coordinate(
    _ scenario: Scenario, _ test: LoadTest, run: RunIdentifier, on address: HostAndPort,
    workers: Int
  ) async throws -> LoadTestReport {
    let coordinator = try await Coordinator.start(
      on: address, workers: workers, secret: workerSecret)
    StandardError.write("waiting for \(workers) workers on \(coordinator.address)\n")
    do {
      let report = try await coordinator.execute(scenario, test, run: run) { count in
        StandardError.write("\(count) of \(workers) workers\n")
      }
      await coordinator.stop()
      return report
    } catch {
      await coordinator.stop()
      throw error
    }
  }

  /// A worker's share of a run.
  static func work(for coordinator: HostAndPort) async throws -> ExitStatus {
    let session = WorkerSession(
      coordinator: "http://\(coordinator)", secret: workerSecret,
      name: "\(ProcessInfo.processInfo.hostName) \(ProcessInfo.processInfo.processIdentifier)",
      say: { StandardError.write("\($0)\n") })
    do {
      let task = Task { try await session.work() }
      try await withInterrupts(calling: task.cancel) { try await task.value }
      return .ok
    } catch is CancellationError {
      StandardError.write("interrupted; the coordinator has been told, if there is one\n")
      return .interrupted
    } catch {
      return notBegun("\(error)")
    }
  }

  /// What coordinator and workers have to have in common, if anything.
  private static var workerSecret: String? {
    ProcessInfo.processInfo.environment["MARTLET_LOADTEST_SECRET"]
  }

  /// - Parameter scenarios: the scenario of a trial with a value.
  static func findMaximum(
    _ search: MaximumSearch,
    scenarios: @escaping @Sendable (Double) throws(RunRequestError) -> Scenario,
    outputs: OutputSettings
  ) async throws -> ExitStatus {
    let findMax = FindMax(
      search, scenarios: { try scenarios($0) }, commandLine: typedCommandLine)
    let results = Mutex<FindMax.Result?>(nil)
    let status = try await reporting(outputs) { show in
      let result = try await withInterrupts(calling: findMax.interrupt) {
        try await findMax.execute(observe: show) { attempt in
          StandardError.write("\n\(CapacityText.line(attempt, search))\n")
        }
      }
      results.withLock { $0 = result }
      guard let best = result.best ?? result.attempts.last else {
        throw LoadTestFailure.interruptedEarly
      }
      return best.report
    }
    guard let result = results.withLock({ $0 }) else { return status }
    let isShown = show(CapacityText.conclusion(result, search) + "\n")
    if result.isInterrupted { return .interrupted }
    if result.best == nil { return .threshold }
    return isShown && status != .unwritten ? .ok : .unwritten
  }

  static func report(_ files: [String], outputs: OutputSettings) async throws -> ExitStatus {
    var reports: [LoadTestReport] = []
    for file in files {
      do {
        reports.append(try ReportFile.read(file))
      } catch {
        return notBegun("cannot read '\(file)': \(error)")
      }
    }
    if let (first, second, process) = LoadTestReport.repeated(in: reports) {
      return notBegun(
        "'\(files[first])' and '\(files[second])' both have the results of process \(process), "
          + "which would count twice")
    }
    guard let report = LoadTestReport.merge(reports) else { return notBegun("no results") }
    return finish(report, outputs)
  }

  // MARK: Pieces

  /// Runs `body`, shows what it observes, and writes what it returns wherever `outputs` say.
  private static func reporting(
    _ outputs: OutputSettings,
    _ body: (_ show: @escaping @Sendable (LoadTest.Observation) -> Void) async throws ->
      LoadTestReport
  ) async throws -> ExitStatus {
    let (observations, continuation) = AsyncStream.makeStream(
      of: LoadTest.Observation.self, bufferingPolicy: .bufferingNewest(1))
    do {
      var endpoint: MetricsEndpoint?
      if let address = outputs.prometheus {
        endpoint = try await MetricsEndpoint.start(on: address)
      }
      let metrics = endpoint
      async let progress: Void = show(observations)
      let report: LoadTestReport
      do {
        report = try await body { observation in
          metrics?.update(observation.totals)
          continuation.yield(observation)
        }
      } catch {
        continuation.finish()
        await progress
        await metrics?.stop()
        throw error
      }
      continuation.finish()
      await progress
      await metrics?.stop()
      return finish(report, outputs)
    } catch let failure as LoadTestFailure {
      return notBegun(failure.description)
    } catch let error as SettingsError {
      return notBegun(error.description)
    } catch let error as RunRequestError {
      return notBegun(error.description)
    }
  }

  private static func finish(_ report: LoadTestReport, _ outputs: OutputSettings) -> ExitStatus {
    // Files go first: who reads the table may stop in the middle of it, which can end this process.
    let failures = outputs.write(report)
    let isShown = show(ReportTable.render(report))
    for failure in failures { StandardError.write("Error: \(failure)\n") }
    guard report.exitStatus == .ok else { return report.exitStatus }
    return isShown && failures.isEmpty ? .ok : .unwritten
  }

  /// - Returns: whether it was written.
  private static func show(_ text: String) -> Bool {
    do {
      try StandardOutput.write(text)
      return true
    } catch {
      StandardError.write("Error: cannot write to standard output: \(error)\n")
      return false
    }
  }

  private static func notBegun(_ reason: String) -> ExitStatus {
    StandardError.write("Error: \(reason)\n")
    return .notBegun
  }

  private static func show(_ observations: AsyncStream<LoadTest.Observation>) async {
    let printer = ProgressPrinter()
    for await observation in observations { printer.show(observation.sample) }
    printer.finish()
  }

  /// As the user typed it, but for secrets.
  private static var typedCommandLine: String {
    Invocation.text(CommandLine.arguments)
  }

  /// Runs `body`; SIGINT and SIGTERM meanwhile call `interrupt`.
  private static func withInterrupts<Result: Sendable>(
    calling interrupt: @escaping @Sendable () -> Void,
    _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask {
        for await _ in signals { interrupt() }
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
}

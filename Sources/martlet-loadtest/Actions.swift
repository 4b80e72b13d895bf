import MartletCore
import MartletLoadTest
import UnixSignals

/// What commands do once their options are understood: the only place where the program meets the engine.
///
/// Each returns the exit status of the program.
enum Actions {
  /// A run that flags describe.
  static func run(_ settings: LoadTestSettings, outputs: OutputSettings) async throws -> ExitStatus
  {
    guard outputs.htmlFile == nil, outputs.csvFile == nil, outputs.histogramFile == nil,
      outputs.prometheus == nil
    else { return notBegun("of a run without a scenario only --json can be written so far") }
    var settings = settings
    settings.jsonFile = outputs.jsonFile
    var generator = SystemRandomNumberGenerator()
    let (samples, continuation) = AsyncStream.makeStream(
      of: ProgressSample.self, bufferingPolicy: .bufferingNewest(1))
    let test = LoadTest(settings: settings, run: RunIdentifier(using: &generator)) {
      continuation.yield($0)
    }

    let report: LoadTestReport
    do {
      report = try await withInterrupts(of: test) {
        async let progress: Void = show(samples)
        defer { continuation.finish() }
        let result = try await test.execute()
        continuation.finish()
        await progress
        return result
      }
    } catch let failure as LoadTestFailure {
      return notBegun(failure.description)
    }

    print(ReportTable.render(report), terminator: "")
    if let jsonFile = settings.jsonFile {
      do {
        try ReportFile.write(report, to: jsonFile)
      } catch {
        StandardError.write("Error: cannot write \(jsonFile): \(error)\n")
        return .failed
      }
    }
    return ExitStatus(
      isInterrupted: report.isInterrupted, isClean: report.isClean, thresholdsHold: true)
  }

  /// A run that a scenario describes.
  static func run(
    _ scenario: Scenario, outputs: OutputSettings, distribution: Distribution
  ) async throws -> ExitStatus {
    notBegun("this build checks scenarios (see validate), but cannot run them yet")
  }

  /// A worker's share of a run.
  static func work(for coordinator: HostAndPort) async throws -> ExitStatus {
    notBegun("this build cannot be a worker yet")
  }

  /// - Parameter scenarios: the scenario of a trial with a value.
  static func findMaximum(
    _ search: MaximumSearch, scenarios: (Double) throws(RunRequestError) -> Scenario,
    outputs: OutputSettings, distribution: Distribution
  ) async throws -> ExitStatus {
    notBegun("this build cannot search yet")
  }

  static func report(_ files: [String], outputs: OutputSettings) async throws -> ExitStatus {
    notBegun("this build cannot merge results yet")
  }

  // MARK: Pieces

  private static func notBegun(_ reason: String) -> ExitStatus {
    StandardError.write("Error: \(reason)\n")
    return .notBegun
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
}

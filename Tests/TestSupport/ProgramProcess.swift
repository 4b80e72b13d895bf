package import Foundation

/// A program of ours, or a script, run as its user would. Killed with its owner.
package final class ProgramProcess {
  private let process: ChildProcess
  private let log: URL

  /// - Parameters:
  ///   - program: a file; see ``built(_:)``.
  ///   - environment: added to that of the tests.
  package init(
    _ program: URL, _ arguments: [String], environment: [String: String] = [:]
  ) throws {
    log = FileManager.default.temporaryDirectory.appending(component: "martlet-\(UUID())")
    process = try ChildProcess(
      program.path(), arguments, environment: environment, output: log.path())
  }

  deinit {
    process.kill()
    try? FileManager.default.removeItem(at: log)
  }

  /// A program of this package: it is built beside the test bundle.
  package static func built(_ name: String) -> URL {
    URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(component: name)
  }

  /// The folder of the repository.
  package static var repository: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
  }

  package var identifier: Int32 { process.identifier }

  package var isRunning: Bool { process.isRunning }

  /// Nil while it runs; see ``ChildProcess/status``.
  package var exitStatus: Int32? { process.status }

  /// Everything that it has printed so far.
  package var output: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

  /// Sends a signal, if it still runs.
  package func signal(_ number: Int32) {
    process.signal(number)
  }

  /// Ends it at once, as a crash would.
  package func kill() {
    process.kill()
  }

  /// The exit status, when it has ended by itself.
  package func status(within limit: Duration = .seconds(60)) async throws -> Int32 {
    try await eventually("the program ends", within: limit) { !process.isRunning }
    return process.status ?? -1
  }
}

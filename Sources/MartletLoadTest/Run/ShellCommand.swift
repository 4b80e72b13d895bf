internal import Foundation

/// A command of a scenario's fault.
enum ShellCommand {
  /// Runs `command` by `/bin/sh -c`; what it prints goes to standard error.
  ///
  /// - Returns: how it ended, for the report.
  static func run(_ command: String) async -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", command]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.standardError
    return await withCheckedContinuation { continuation in
      process.terminationHandler = { process in
        let kind = process.terminationReason == .exit ? "exit status" : "signal"
        continuation.resume(returning: "\(kind) \(process.terminationStatus)")
      }
      do {
        try process.run()
      } catch {
        process.terminationHandler = nil
        continuation.resume(returning: "could not be run: \(error)")
      }
    }
  }
}

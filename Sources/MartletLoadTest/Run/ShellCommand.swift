internal import Foundation

/// A command of a scenario's fault.
enum ShellCommand {
  /// Runs `command` by `/bin/sh -c`; what it prints goes to standard error. If the task is cancelled it is ended, with all that it
  /// has started.
  ///
  /// - Returns: how it ended, for the report; nil: it was still running.
  static func run(_ command: String) async -> String? {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", command]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.standardError
    let (ends, end) = AsyncStream.makeStream(of: String.self)
    process.terminationHandler = { process in
      let kind = process.terminationReason == .exit ? "exit status" : "signal"
      end.yield("\(kind) \(process.terminationStatus)")
    }
    do {
      try process.run()
    } catch {
      return "could not be run: \(error)"
    }
    // Foundation makes it the leader of a process group of its own.
    let group = process.processIdentifier
    let result = await withTaskCancellationHandler {
      await ends.first { _ in true }
    } onCancel: {
      if group > 0 { _ = kill(-group, SIGKILL) }
      end.finish()
    }
    return result
  }
}

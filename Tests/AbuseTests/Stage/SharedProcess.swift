import Foundation
import MartletTestSupport
import Synchronization

/// A program that several tasks of a test look at.
final class SharedProcess: Sendable {
  private let process: Mutex<ProgramProcess>
  let identifier: Int32

  init(_ process: sending ProgramProcess) {
    identifier = process.identifier
    self.process = Mutex(process)
  }

  var isRunning: Bool { process.withLock { $0.isRunning } }
  var output: String { process.withLock { $0.output } }

  func signal(_ number: Int32) {
    process.withLock { $0.signal(number) }
  }

  /// The exit status, when it has ended by itself.
  func status() async throws -> Int32 {
    try await eventually("the program ends", within: .seconds(60)) { !isRunning }
    return process.withLock { $0.exitStatus ?? -1 }
  }
}

internal import Foundation
package import MartletCore

/// A Redis of one test: on loopback, without persistence unless asked for, killed with its owner.
package final class RedisServerProcess {
  /// Where it listens.
  package let server: RedisServer
  private let process: ChildProcess

  private init(_ process: ChildProcess, _ server: RedisServer) {
    self.process = process
    self.server = server
  }

  /// Starts a Redis and waits until it accepts connections.
  ///
  /// - Parameters:
  ///   - port: nil takes a free one.
  ///   - arguments: further `redis-server` options.
  package static func start(
    port: Int? = nil, password: String? = nil, arguments: [String] = []
  ) async throws -> RedisServerProcess {
    // A free port can be taken by somebody else before Redis binds it.
    for _ in 0..<5 {
      let candidate = if let port { port } else { try await FreePort.find() }
      if let redis = try await launch(candidate, password, arguments) { return redis }
    }
    throw NeverTrue(what: "redis-server starts")
  }

  private static func launch(
    _ port: Int, _ password: String?, _ arguments: [String]
  ) async throws -> RedisServerProcess? {
    let process = try ChildProcess(
      "redis-server",
      [
        "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir",
        NSTemporaryDirectory(),
      ] + (password.map { ["--requirepass", $0] } ?? []) + arguments)
    let server = RedisServer(host: "127.0.0.1", port: port, password: password)
    let redis = RedisServerProcess(process, server)
    try await eventually("Redis accepts connections or ends") {
      if !process.isRunning { return true }
      return await FreePort.accepts(port)
    }
    return process.isRunning ? redis : nil
  }

  /// Ends it at once, as a crash would. What it held is lost.
  package func kill() {
    process.kill()
  }

  /// Stops its clock; it neither answers nor closes connections.
  package func freeze() {
    process.signal(SIGSTOP)
  }

  /// Goes on after ``freeze()``.
  package func thaw() {
    process.signal(SIGCONT)
  }
}

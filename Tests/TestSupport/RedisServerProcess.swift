internal import Foundation
package import MartletCore
internal import NIOCore
internal import NIOPosix

/// A Redis of one test: on loopback, without persistence, killed with its owner.
package final class RedisServerProcess {
  /// Where it listens.
  package let server: RedisServer
  private let process: Process

  private init(_ process: Process, port: Int) {
    self.process = process
    self.server = RedisServer(host: "127.0.0.1", port: port)
  }

  deinit {
    kill()
  }

  /// Starts a Redis and waits until it accepts connections.
  ///
  /// - Parameter port: nil takes a free one.
  package static func start(port: Int? = nil) async throws -> RedisServerProcess {
    let port = if let port { port } else { try await freePort() }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--save", "",
      "--appendonly", "no", "--dir", NSTemporaryDirectory(),
    ]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let redis = RedisServerProcess(process, port: port)
    try await eventually("Redis accepts connections") { await accepts(port) }
    return redis
  }

  /// Ends it at once, as a crash would. What it held is lost.
  package func kill() {
    guard process.isRunning else { return }
    _ = Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Ends it when a test is over. With the same signal: the threads that tests run on block SIGTERM, and a child
  /// inherits that.
  package func stop() {
    kill()
  }

  private static func freePort() async throws -> Int {
    let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port ?? 0
    try await channel.close().get()
    return port
  }

  private static func accepts(_ port: Int) async -> Bool {
    let channel = try? await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connect(host: "127.0.0.1", port: port).get()
    try? await channel?.close().get()
    return channel != nil
  }
}

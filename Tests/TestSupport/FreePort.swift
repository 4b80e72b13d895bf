internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Ports of the loopback address.
package enum FreePort {
  /// Below the ports that the system gives to outgoing connections: a port found here is not taken
  /// by a client of another test before its server binds it.
  private static let range = 10_000..<32_000
  private static let given = Mutex<Set<Int>>([])

  /// A port that nobody listens on; never the same twice.
  package static func find() async throws -> Int {
    while true {
      let port = Int.random(in: range)
      guard given.withLock({ $0.insert(port).inserted }) else { continue }
      let channel = try? await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .bind(host: "127.0.0.1", port: port).get()
      guard let channel else { continue }
      try await channel.close().get()
      return port
    }
  }

  /// Whether somebody listens on `port`.
  package static func accepts(_ port: Int) async -> Bool {
    let channel = try? await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connect(host: "127.0.0.1", port: port).get()
    try? await channel?.close().get()
    return channel != nil
  }
}

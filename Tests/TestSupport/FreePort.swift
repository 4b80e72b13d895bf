internal import NIOCore
internal import NIOPosix

/// Ports of the loopback address.
package enum FreePort {
  /// A port that nobody listens on at the moment.
  package static func find() async throws -> Int {
    let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port ?? 0
    try await channel.close().get()
    return port
  }

  /// Whether somebody listens on `port`.
  package static func accepts(_ port: Int) async -> Bool {
    let channel = try? await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connect(host: "127.0.0.1", port: port).get()
    try? await channel?.close().get()
    return channel != nil
  }
}

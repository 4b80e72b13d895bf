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
  ///
  /// - Parameter distance: the port that many further on is free as well.
  package static func find(withNeighbourAt distance: Int = 0) async throws -> Int {
    while true {
      let port = Int.random(in: range.lowerBound..<range.upperBound - distance)
      let ports: Set = [port, port + distance]
      let isNew = given.withLock { given in
        guard given.isDisjoint(with: ports) else { return false }
        given.formUnion(ports)
        return true
      }
      guard isNew else { continue }
      var areFree = true
      for port in ports where areFree { areFree = try await isFree(port) }
      if areFree { return port }
    }
  }

  private static func isFree(_ port: Int) async throws -> Bool {
    let channel = try? await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .bind(host: "127.0.0.1", port: port).get()
    try await channel?.close().get()
    return channel != nil
  }

  /// Whether somebody listens on `port`.
  package static func accepts(_ port: Int) async -> Bool {
    let channel = try? await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connect(host: "127.0.0.1", port: port).get()
    try? await channel?.close().get()
    return channel != nil
  }
}

import MartletHTTP2
import MartletTestSupport
import MartletWebSocket
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import MartletLoadTest

/// Many clients on one HTTP/2 connection.
@Suite struct SharedConnectionTests {
  /// A server that accepts WebSockets and says nothing.
  private final class Server: Sendable {
    struct State {
      var connections: [NIOLoopBound<(channel: any Channel, handler: HTTP2ServerHandler)>] = []
      var peers: [String?] = []
      var streams = 0
    }

    let state = Mutex(State())
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    private let channel = Mutex<(any Channel)?>(nil)

    var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }
    var connections: Int { state.withLock { $0.connections.count } }
    var streams: Int { state.withLock { $0.streams } }

    func start(streams limit: Int) async throws {
      var configuration = HTTP2Configuration()
      configuration.maximumConcurrentStreams = limit
      let made = configuration
      let bound = try await ServerBootstrap(group: loop)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let handler = HTTP2ServerHandler(configuration: made) { stream, _ in
              self.state.withLock { $0.streams += 1 }
              stream.respond(status: .ok)
              return Silent(self)
            }
            try channel.pipeline.syncOperations.addHandler(handler)
            let box = NIOLoopBound(
              (channel: channel, handler: handler), eventLoop: channel.eventLoop)
            self.state.withLock {
              $0.connections.append(box)
              $0.peers.append(channel.remoteAddress?.ipAddress)
            }
          }
        }
        .bind(host: "127.0.0.1", port: 0).get()
      channel.withLock { $0 = bound }
    }

    func goAway(_ number: Int) async throws {
      let connection = state.withLock { $0.connections[number] }
      try await loop.submit { connection.value.handler.goAway() }.get()
    }

    func cut(_ number: Int) async throws {
      let connection = state.withLock { $0.connections[number] }
      try await loop.submit { connection.value.channel.close(promise: nil) }.get()
    }

    func stop() async {
      try? await channel.withLock { $0 }?.close().get()
      for number in 0..<connections { try? await cut(number) }
    }
  }

  private final class Silent: HTTP2StreamDelegate {
    private let server: Server

    init(_ server: Server) { self.server = server }

    func received(_ bytes: ByteBuffer) {}
    func receivedEnd() {}
    func closed(_ reason: HTTP2StreamClosure) { server.state.withLock { $0.streams -= 1 } }
  }

  private func with(streams: Int, _ body: (Server, TestDialer) async throws -> Void) async throws {
    let server = Server()
    try await server.start(streams: streams)
    do {
      try await body(server, try await TestDialer())
    } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  private func dial(
    _ count: Int, _ server: Server, _ dialer: TestDialer, perConnection: Int
  ) async throws -> [TestTransport] {
    var clients: [TestTransport] = []
    for _ in 0..<count {
      var dial = try Dial.test(server.port, "/x", .webSocketOverHTTP2)
      dial.streamsPerConnection = perConnection
      clients.append(try await dialer.dial(dial))
    }
    let dialled = clients
    try await eventually("all are open") { dialled.allSatisfy(\.isOpen) }
    return clients
  }

  @Test func `Clients share connections up to the number that was asked for`() async throws {
    try await with(streams: 100) { server, dialer in
      let clients = try await dial(7, server, dialer, perConnection: 3)
      #expect(server.connections == 3)
      // A place that was left is taken again.
      try await clients[0].abort()
      try await eventually("the stream is over") { server.streams == 6 }
      _ = try await dial(2, server, dialer, perConnection: 3)
      #expect(server.streams == 8)
      #expect(server.connections == 3)
    }
  }

  @Test func `What a server does not allow goes to further connections`() async throws {
    try await with(streams: 2) { server, dialer in
      _ = try await dial(7, server, dialer, perConnection: 100)
      #expect(server.streams == 7)
      try await eventually("four connections carry them") { server.connections >= 4 }
    }
  }

  @Test func `After a GOAWAY streams go on, and new ones elsewhere`() async throws {
    try await with(streams: 100) { server, dialer in
      let old = try await dial(2, server, dialer, perConnection: 100)
      try await server.goAway(0)
      // The GOAWAY comes in two steps; until the first is read, a stream may still be taken there.
      var new: [TestTransport] = []
      try await eventually("a stream goes to another connection") {
        new += try await dial(1, server, dialer, perConnection: 100)
        return server.connections == 2
      }
      #expect((old + new).allSatisfy { $0.ends.isEmpty })
      for client in old + new { try await client.abort() }
    }
  }

  @Test func `A lost connection ends all of its clients, and no others`() async throws {
    try await with(streams: 100) { server, dialer in
      let clients = try await dial(4, server, dialer, perConnection: 2)
      try await server.cut(0)
      #expect(try await clients[0].end().label == "lost")
      #expect(try await clients[1].end().label == "lost")
      #expect(clients[2].ends.isEmpty && clients[3].ends.isEmpty)
      // The next finds another connection.
      _ = try await dial(1, server, dialer, perConnection: 2)
      #expect(server.connections == 3)
    }
  }

  @Test func `A server that allows no streams is refused, not asked for ever`() async throws {
    // SETTINGS_MAX_CONCURRENT_STREAMS 0, SETTINGS_ENABLE_CONNECT_PROTOCOL 1.
    let settings: [UInt8] = [
      0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1,
    ]
    try await ScriptedBytes.with(settings) { port in
      let client = try await TestDialer().dial(try .test(port, "/x", .webSocketOverHTTP2))
      let end = try await client.end()
      #expect(end.label == "bad_upgrade")
      #expect(end.message == "the server allows no streams")
    }
  }

  @Test func `A server without extended CONNECT is refused`() async throws {
    // Settings without SETTINGS_ENABLE_CONNECT_PROTOCOL.
    try await ScriptedBytes.with([0, 0, 0, 4, 0, 0, 0, 0, 0]) { port in
      let client = try await TestDialer().dial(try .test(port, "/x", .webSocketOverHTTP2))
      let end = try await client.end()
      #expect(end.label == "bad_upgrade")
      #expect(end.message.contains("RFC 8441"))
    }
  }

  @Test func `A server that speaks no HTTP/2 is a lost connection`() async throws {
    try await ScriptedBytes.with(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)) { port in
      let client = try await TestDialer().dial(try .test(port, "/x", .webSocketOverHTTP2))
      #expect(try await client.end().label == "lost")
    }
  }

  @Test func `A server whose TLS chooses no HTTP/2 is refused`() async throws {
    try await RealGateway.withTLS("http2: {enabled: false}") { gateway, certificates in
      let dialer = try await TestDialer(
        security: ClientSecurity(.init(authorityFile: certificates.authorityFile)))
      let client = try await dialer.dial(
        try .test(gateway.port, "/ws/load/1/", .webSocketOverHTTP2, isSecure: true))
      let end = try await client.end()
      #expect(["bad_upgrade", "connect_failed"].contains(end.label))
    }
  }

  @Test func `Connects come from the local address that was given`() async throws {
    try await with(streams: 100) { server, dialer in
      for transport in [Behaviour.Transport.webSocketOverHTTP2, .eventStream] {
        var dial = try Dial.test(server.port, "/x", transport)
        dial.localAddress = try SocketAddress(ipAddress: "127.0.0.2", port: 0)
        let before = server.connections
        let client = try await dialer.dial(dial)
        try await eventually("it connects") { server.connections == before + 1 }
        #expect(server.state.withLock { $0.peers.last } == "127.0.0.2")
        try await client.abort()
      }
    }
  }

  @Test func `A local address that is not this machine's is a failed connect with advice`()
    async throws
  {
    try await with(streams: 1) { server, dialer in
      var dial = try Dial.test(server.port, "/x", .webSocket)
      // RFC 5737: nobody's.
      dial.localAddress = try SocketAddress(ipAddress: "192.0.2.1", port: 0)
      let end = try await dialer.dial(dial).end()
      #expect(end.label == "connect_failed")
      #expect(end.message.hasPrefix("Cannot assign requested address"))
    }
  }
}

/// A server that sends the same bytes to everybody, and reads on.
enum ScriptedBytes {
  static func with(_ bytes: [UInt8], _ body: (Int) async throws -> Void) async throws {
    let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Sender(bytes))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    do {
      try await body(channel.localAddress?.port ?? 0)
    } catch {
      try? await channel.close().get()
      throw error
    }
    try? await channel.close().get()
  }

  private final class Sender: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func channelActive(context: ChannelHandlerContext) {
      context.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)), promise: nil)
    }
  }
}

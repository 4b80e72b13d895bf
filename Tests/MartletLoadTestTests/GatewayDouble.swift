import MartletTLS
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// A small gateway for tests: real sockets, SwiftNIO's own WebSocket server, groups and their
/// histories in memory, and faults on demand. Several ports share one memory, as the gateways of a
/// cluster do.
///
/// Everything runs on one event loop.
struct GatewayDouble: Sendable {
  let ports: [Int]
  private let group: MultiThreadedEventLoopGroup
  private let channels: [any Channel]
  private let hub: NIOLoopBound<DoubleHub>

  /// Listens on free loopback ports.
  static func start(
    ports count: Int = 1, refusing status: HTTPResponseStatus? = nil,
    faults: DoubleFaults = .init(), tls: TLSContext? = nil
  ) async throws -> GatewayDouble {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let hub = try await loop.submit {
      NIOLoopBound(DoubleHub(faults: faults, eventLoop: loop), eventLoop: loop)
    }.get()
    var channels: [any Channel] = []
    for _ in 0..<count {
      try await channels.append(listen(on: group, hub, refusing: status, tls: tls))
    }
    return GatewayDouble(
      ports: channels.compactMap { $0.localAddress?.port }, group: group, channels: channels,
      hub: hub)
  }

  /// Starts a double, runs `body`, and stops the double whatever happens.
  static func with<Result>(
    ports count: Int = 1, refusing status: HTTPResponseStatus? = nil,
    faults: DoubleFaults = .init(), tls: TLSContext? = nil,
    _ body: (GatewayDouble) async throws -> Result
  ) async throws -> Result {
    let double = try await start(ports: count, refusing: status, faults: faults, tls: tls)
    do {
      let result = try await body(double)
      try await double.stop()
      return result
    } catch {
      try await double.stop()
      throw error
    }
  }

  func stop() async throws {
    for channel in channels { try? await channel.close().get() }
    try await group.shutdownGracefully()
  }

  /// What the double has seen.
  func observations() async throws -> DoubleHub.Observations {
    let hub = hub
    return try await hub.eventLoop.submit { hub.value.observations }.get()
  }

  private static func listen(
    on group: MultiThreadedEventLoopGroup, _ hub: NIOLoopBound<DoubleHub>,
    refusing status: HTTPResponseStatus?, tls: TLSContext?
  ) async throws -> any Channel {
    try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.backlog, value: 1024)
      .childChannelInitializer { channel in
        let upgrader = NIOWebSocketServerUpgrader(
          shouldUpgrade: { channel, _ in
            channel.eventLoop.makeSucceededFuture(status == nil ? HTTPHeaders() : nil)
          },
          upgradePipelineHandler: { channel, head in
            channel.eventLoop.makeCompletedFuture {
              let session = DoubleSession(hub: hub.value, channel: channel, target: head.uri)
              try channel.pipeline.syncOperations.addHandler(session)
            }
          })
        if let tls {
          try? channel.pipeline.syncOperations.addHandler(TLSHandler.server(tls))
        }
        return channel.pipeline.configureHTTPServerPipeline(
          withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in })
        ).flatMapThrowing {
          if let status {
            try channel.pipeline.syncOperations.addHandler(RefusingHandler(status: status))
          }
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }
}

/// Answers every request with one status.
private final class RefusingHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let status: HTTPResponseStatus

  init(status: HTTPResponseStatus) {
    self.status = status
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .end = unwrapInboundIn(data) else { return }
    let head = HTTPResponseHead(
      version: .http1_1, status: status, headers: ["Content-Length": "0"])
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }
}

import MartletTLS
import NIOCore
import NIOPosix

/// Listeners and connections on real sockets.
enum Loopback {
  private static let group = MultiThreadedEventLoopGroup.singleton

  /// Listens with TLS; `react` says what the application of an accepted channel does.
  static func listen(
    _ context: TLSContext, _ journal: Journal = Journal(),
    react: @escaping @Sendable (Journal.Entry, any Channel) -> Void = { _, _ in }
  ) async throws -> any Channel {
    try await listen { [TLSHandler.server(context), JournalHandler(journal, react: react)] }
  }

  /// Listens, and sends back what comes.
  static func echo(_ context: TLSContext) async throws -> any Channel {
    try await listen { [TLSHandler.server(context), EchoHandler()] }
  }

  /// As ``echo(_:)``, but without TLS.
  static func plainEcho() async throws -> any Channel {
    try await listen { [EchoHandler()] }
  }

  private static func listen(
    _ handlers: @escaping @Sendable () -> [any ChannelHandler]
  ) async throws -> any Channel {
    try await ServerBootstrap(group: group)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers(handlers())
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  /// Connects to localhost with TLS.
  static func connect(
    _ context: TLSContext, port: Int?, _ journal: Journal
  ) async throws -> any Channel {
    try await ClientBootstrap(group: group)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers(
            [
              CutHandler(), try TLSHandler.client(context, serverName: "localhost"),
              JournalHandler(journal),
            ])
        }
      }
      .connect(host: "127.0.0.1", port: port ?? 0).get()
  }

  /// Ends the transport under the ``TLSHandler`` of a ``connect(_:port:_:)``.
  static func cut(_ channel: any Channel) async throws {
    try await channel.triggerUserOutboundEvent(CutHandler.Cut()).get()
  }
}

private final class EchoHandler: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.write(data, promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.flush()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}

private final class CutHandler: ChannelOutboundHandler, Sendable {
  typealias OutboundIn = ByteBuffer

  struct Cut {}

  func triggerUserOutboundEvent(
    context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
  ) {
    context.close(promise: promise)
  }
}

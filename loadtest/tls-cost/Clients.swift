import Foundation
import MartletTLS
import NIOCore
import NIOPosix

/// Connections that read, count, and leave when each has all that it waits for.
struct Clients {
  var usesTLS: Bool
  var sessions: Int
  /// Of each connection.
  var bytes: Int
  var port: Int

  func run() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let context =
      try usesTLS ? TLSContext.client(TLSClientConfiguration(verifiesServer: false)) : nil
    var channels: [any Channel] = []
    for _ in 0..<sessions {
      let established = group.next().makePromise(of: Void.self)
      let bytes = bytes
      channels.append(
        try await ClientBootstrap(group: group)
          .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
              if let context {
                try channel.pipeline.syncOperations.addHandler(
                  TLSHandler.client(context, serverName: "localhost"))
              } else {
                established.succeed()
              }
              try channel.pipeline.syncOperations.addHandler(
                CountingHandler(bytes, established))
            }
          }
          .connect(host: "127.0.0.1", port: port).get())
      try await established.futureResult.get()
    }
    print("ready")
    fflush(nil)
    for channel in channels { try await channel.closeFuture.get() }
    try await group.shutdownGracefully()
  }
}

private final class CountingHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private var missing: Int
  private let established: EventLoopPromise<Void>

  init(_ bytes: Int, _ established: EventLoopPromise<Void>) {
    missing = bytes
    self.established = established
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    missing -= unwrapInboundIn(data).readableBytes
    if missing <= 0 { context.close(promise: nil) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is TLSHandshakeCompleted { established.succeed() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
  }
}

import MartletTestSupport
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MartletGateway

/// Bytes that go directly to the socket, and bytes that wait in the channel.
@Suite struct SocketStreamTests {
  @Test func `Nothing overtakes what the channel has not written yet`() async throws {
    let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let earlier = channel.eventLoop.makePromise(of: Void.self)
          let stream = SocketStream(channel, isPlain: true, behind: earlier.futureResult)
          try channel.pipeline.syncOperations.addHandler(stream)
          let bound = NIOLoopBound(stream, eventLoop: channel.eventLoop)
          channel.eventLoop.execute {
            // As if the socket had been full: it is not flushed.
            channel.write(ByteBuffer(string: "first "), promise: earlier)
            bound.value.write(ByteBuffer(string: "second "))
            bound.value.write(ByteBuffer(string: "third"))
            bound.value.end()
          }
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let collector = TextCollector()
    let client = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(collector)
        }
      }
      .connect(host: "127.0.0.1", port: server.localAddress?.port ?? 0).get()
    try await client.closeFuture.get()
    #expect(collector.text.withLock { $0 } == "first second third")
    try await server.close().get()
  }

  private final class SharedText: Sendable {
    private let value = Mutex("")

    func withLock<Result: Sendable>(_ body: (inout sending String) -> Result) -> Result {
      value.withLock { body(&$0) }
    }
  }

  private final class TextCollector: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    let text = SharedText()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let part = String(buffer: unwrapInboundIn(data))
      text.withLock { $0 += part }
    }
  }
}

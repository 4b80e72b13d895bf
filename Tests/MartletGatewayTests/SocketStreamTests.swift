import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import Testing

@testable import MartletGateway

/// Bytes that go directly to the socket, and bytes that wait in the channel.
@Suite struct SocketStreamTests {
  private func makeStream() throws -> (SocketStream, EmbeddedChannel) {
    let channel = EmbeddedChannel()
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    let stream = SocketStream(channel, isPlain: false)
    try channel.pipeline.syncOperations.addHandler(stream)
    return (stream, channel)
  }

  private func text(_ channel: EmbeddedChannel) throws -> String? {
    try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }
  }

  @Test func `What answers a request leaves with the head of the response`() throws {
    let (stream, channel) = try makeStream()
    stream.hold(behind: ByteBuffer(string: "head "))
    stream.write(ByteBuffer(string: "first "))
    stream.write(ByteBuffer(string: "second"))
    #expect(try text(channel) == nil)
    stream.release()
    #expect(try text(channel) == "head first second")
    stream.write(ByteBuffer(string: "third"))
    #expect(try text(channel) == "third")
  }

  @Test func `A stream that ends while it is held back sends what it has first`() throws {
    let (stream, channel) = try makeStream()
    stream.hold(behind: ByteBuffer(string: "head "))
    stream.write(ByteBuffer(string: "last words"))
    stream.end()
    #expect(channel.isActive)
    stream.release()
    #expect(try text(channel) == "head last words")
    #expect(!channel.isActive)
  }

  @Test func `What is written directly arrives in order, and the end behind it`() async throws {
    let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let stream = SocketStream(channel, isPlain: true)
          try channel.pipeline.syncOperations.addHandler(stream)
          let bound = NIOLoopBound(stream, eventLoop: channel.eventLoop)
          channel.eventLoop.execute {
            bound.value.hold(behind: ByteBuffer(string: "first "))
            bound.value.write(ByteBuffer(string: "second "))
            bound.value.release()
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

  @Test func `Buffers are as large as what comes, but the first, which stays, is small`() {
    var buffers = ReceiveBuffers()
    func size() -> Int { buffers.buffer(allocator: ByteBufferAllocator()).capacity }
    #expect(size() == 256)
    // A channel that uses buffers again would keep large ones.
    let isNew = buffers.record(actualReadBytes: 256)
    #expect(isNew && buffers.nextBufferSize() == nil)
    #expect(size() == 2_048)
    for _ in 1...10 { _ = buffers.record(actualReadBytes: size()) }
    #expect(size() == 16_384)
    for _ in 1...10 { _ = buffers.record(actualReadBytes: 100) }
    #expect(size() == 2_048)
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

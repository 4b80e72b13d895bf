import MartletTestSupport
import NIOCore
import NIOPosix

/// A WebSocket client that joins a group and listens to nothing further: a thousand of them cost little.
final class CrowdConnection: Sendable {
  private let channel: any Channel

  private init(_ channel: any Channel) {
    self.channel = channel
  }

  /// Connects; returns when the server has let the client in.
  static func join(port: Int, _ target: String) async throws -> CrowdConnection {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let joined = loop.makePromise(of: Void.self)
    let channel: any Channel
    do {
      channel = try await ClientBootstrap(group: loop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(JoinWatcher(joined))
          }
        }
        .connect(host: "127.0.0.1", port: port).get()
    } catch {
      joined.fail(error)
      throw error
    }
    let request = """
      GET \(target) HTTP/1.1\r
      Host: 127.0.0.1\r
      Upgrade: websocket\r
      Connection: Upgrade\r
      Sec-WebSocket-Version: 13\r
      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
      \r

      """
    channel.writeAndFlush(ByteBuffer(string: request), promise: nil)
    try await joined.futureResult.get()
    return CrowdConnection(channel)
  }

  var isOpen: Bool { channel.isActive }

  /// Sends a text of at most 125 bytes.
  func send(_ text: String) async throws {
    var frame = ByteBuffer()
    frame.writeInteger(UInt8(0x81))
    frame.writeInteger(0x80 | UInt8(text.utf8.count))
    // A mask of zeros leaves the text as it is.
    frame.writeInteger(UInt32(0))
    frame.writeString(text)
    try await channel.writeAndFlush(frame).get()
  }

  /// Breaks the connection, as a closed laptop would.
  func leave() async {
    try? await channel.close().get()
  }
}

/// Waits for the first frame of the server.
private final class JoinWatcher: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private var promise: EventLoopPromise<Void>?
  private var received = ""

  init(_ promise: EventLoopPromise<Void>) {
    self.promise = promise
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let promise else { return }
    received += String(buffer: unwrapInboundIn(data))
    guard received.contains("connection_established") else { return }
    promise.succeed()
    self.promise = nil
    received = ""
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise?.fail(NeverTrue(what: "the client joins: \(received.suffix(200))"))
    promise = nil
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

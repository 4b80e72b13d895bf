import Foundation
import MartletTestSupport
import NIOCore
import NIOPosix
import Synchronization

/// Sends back what it is sent.
final class EchoServer {
  let port: Int
  /// Everything that all clients have sent.
  let received = ByteLog()
  private let channel: any Channel

  init() async throws {
    let log = received
    channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ByteLogHandler(log, echoes: true))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
  }

  deinit {
    channel.close(promise: nil)
  }
}

/// A TCP client that keeps what it receives.
final class ByteClient {
  let received = ByteLog()
  let channel: any Channel

  init(_ port: Int) async throws {
    let log = received
    channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ByteLogHandler(log, echoes: false))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
  }

  deinit {
    channel.close(promise: nil)
  }

  func send(_ text: String) async throws {
    try await channel.writeAndFlush(ByteBuffer(string: text)).get()
  }

  /// Sends without waiting until the system has taken it.
  func post(_ text: String) {
    channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
  }

  /// Ends the client's direction; it still receives.
  func end() async throws {
    try await channel.close(mode: .output).get()
  }

  func waits(for text: String) async throws {
    try await eventually("\(text.prefix(20)) comes back") {
      received.count >= text.utf8.count
    }
    guard received.text == text else { throw NeverTrue(what: "it comes back as it was sent") }
  }
}

/// Bytes received, and how it ended. Any thread.
final class ByteLog: Sendable {
  enum Ending {
    case open
    case finished
    case reset
  }

  private let state = Mutex((text: "", ending: Ending.open))

  var count: Int { state.withLock { $0.text.utf8.count } }
  var text: String { state.withLock { $0.text } }
  var ending: Ending { state.withLock { $0.ending } }

  func append(_ bytes: ByteBuffer) {
    state.withLock { $0.text += String(buffer: bytes) }
  }

  func end(_ ending: Ending) {
    state.withLock { if $0.ending == .open { $0.ending = ending } }
  }
}

private final class ByteLogHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let log: ByteLog
  private let echoes: Bool

  init(_ log: ByteLog, echoes: Bool) {
    self.log = log
    self.echoes = echoes
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    log.append(bytes)
    if echoes { context.writeAndFlush(NIOAny(bytes), promise: nil) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event as? ChannelEvent == .inputClosed else { return }
    log.end(.finished)
    if echoes {
      let channel = context.channel
      context.writeAndFlush(NIOAny(ByteBuffer())).whenComplete { _ in channel.close(promise: nil) }
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    log.end(.finished)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    log.end((error as? IOError)?.errnoCode == ECONNRESET ? .reset : .finished)
    context.close(promise: nil)
  }
}

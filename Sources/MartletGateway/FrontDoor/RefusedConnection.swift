internal import MartletCore
internal import NIOCore

/// Tells a client that its connection is one too many, whatever it asks for. Confined to its channel's event loop.
final class RefusedConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// A client that asks for nothing is not told anything.
  private static let timeout = TimeAmount.seconds(1)

  private let retryAfter: Duration
  private var deadline: Scheduled<Void>?

  init(retryAfter: Duration) {
    self.retryAfter = retryAfter
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: Self.timeout) { bound.value.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
  }

  /// Not before something was read: closing with bytes unread would reset the connection, and the answer with it.
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let deadline else { return }
    deadline.cancel()
    self.deadline = nil
    let seconds = max(retryAfter.components.seconds, 1)
    let body =
      #"{"error":{"code":"unavailable","message":"too many connections","retry_after":\#(seconds * 1_000)}}"#
    let response =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: \(seconds)\r\n"
      + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: response))).whenComplete { _ in
      bound.value.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

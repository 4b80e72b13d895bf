import MartletTLS
import NIOCore
import NIOHTTP1

/// Whose connection it is. Called on its event loop.
protocol HTTP1ConnectionOwner: AnyObject {
  /// Requests may be sent.
  func connectionDidOpen(_ connection: HTTP1Connection)
  func connectionDidReceive(_ part: HTTPClientResponsePart, _ connection: HTTP1Connection)

  /// Comes once, and nothing after it; not after ``HTTP1Connection/close()``.
  func connectionDidEnd(_ end: ConnectionEnd, _ connection: HTTP1Connection)
}

/// The client's side of one connection that speaks HTTP/1.1 (RFC 9112). Confined to its channel's event loop.
final class HTTP1Connection: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let isPlain: Bool
  /// Let go of at the end.
  private var owner: (any HTTP1ConnectionOwner)?
  private var context: ChannelHandlerContext?
  private(set) var isOpen = false

  /// - Parameter isPlain: there is no TLS, whose handshake has to be awaited.
  init(isPlain: Bool, owner: any HTTP1ConnectionOwner) {
    self.isPlain = isPlain
    self.owner = owner
  }

  func send(_ head: HTTPRequestHead, _ body: ByteBuffer = ByteBuffer()) {
    guard let context else { return }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if body.readableBytes > 0 {
      context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func setReading(_ isReading: Bool) {
    // Fails for a channel that is closed.
    try? context?.channel.syncOptions?.setOption(.autoRead, value: isReading)
  }

  /// The owner hears nothing afterwards.
  func close() {
    owner = nil
    isOpen = false
    context?.channel.close(promise: nil)
  }

  /// There is no connection.
  func connectFailed(_ reason: String) {
    end(.connectFailed(reason))
  }

  // MARK: ChannelInboundHandler

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    // The owner stays: of a connect that fails at once it hears only afterwards.
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    if isPlain { opened() }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is TLSHandshakeCompleted { opened() }
    context.fireUserInboundEventTriggered(event)
  }

  private func opened() {
    // It may have been closed before there was anything to close.
    guard let owner else { return close() }
    isOpen = true
    owner.connectionDidOpen(self)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    owner?.connectionDidReceive(unwrapInboundIn(data), self)
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(ended(with: "the server closed the connection"))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let reason = ConnectError.describe(error)
    switch error {
    case let error as HTTPParserError where error == .invalidEOFState:
      end(.lost("the response was cut off"))
    case is HTTPParserError: end(.violation("no response of HTTP/1.1: \(reason)"))
    default: end(ended(with: reason))
    }
    context.close(promise: nil)
  }

  private func ended(with reason: String) -> ConnectionEnd {
    isOpen ? .lost(reason) : .connectFailed(reason)
  }

  private func end(_ end: ConnectionEnd) {
    let owner = owner
    self.owner = nil
    isOpen = false
    owner?.connectionDidEnd(end, self)
  }
}

import MartletTLS
import NIOCore
import NIOHTTP1

/// One request on a connection of its own, of which the response has no end. Confined to its channel's event loop.
final class HTTP1ResponseStream: ChannelInboundHandler, ClientStream {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let head: HTTPRequestHead
  private let isPlain: Bool
  private var owner: (any ResponseOwner)?
  private var context: ChannelHandlerContext?
  private var isConnected = false

  init(_ head: HTTPRequestHead, isPlain: Bool, owner: any ResponseOwner) {
    self.head = head
    self.isPlain = isPlain
    self.owner = owner
  }

  /// There is no connection.
  func connectFailed(_ reason: String) {
    end(.connectFailed(reason))
  }

  // MARK: ClientStream

  func setReading(_ reading: Reading) {
    context?.channel.setReading(reading)
  }

  func read() {
    context?.read()
  }

  func abort() {
    owner = nil
    context?.channel.close(promise: nil)
  }

  // MARK: ChannelInboundHandler

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    if isPlain { begin(context) }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is TLSHandshakeCompleted { begin(context) }
    context.fireUserInboundEventTriggered(event)
  }

  private func begin(_ context: ChannelHandlerContext) {
    isConnected = true
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      owner?.responseDidBegin(status: Int(head.status.code), head.headers)
    case .body(let bytes): owner?.responseDidReceive(bytes)
    case .end: owner?.responseDidEnd()
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    let reason = "the server closed the connection"
    end(isConnected ? .lost(reason) : .connectFailed(reason))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let reason = ConnectError.describe(error)
    switch error {
    case let error as HTTPParserError where error == .invalidEOFState:
      end(.lost("the response was cut off"))
    case is HTTPParserError: end(.violation("no response of HTTP/1.1: \(reason)"))
    default: end(isConnected ? .lost(reason) : .connectFailed(reason))
    }
    context.close(promise: nil)
  }

  private func end(_ end: ConnectionEnd) {
    let owner = owner
    self.owner = nil
    owner?.responseDidFail(end)
  }
}

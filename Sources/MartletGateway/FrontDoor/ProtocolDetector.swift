internal import MartletHTTP2
internal import MartletTLS
internal import NIOCore

/// Finds out which HTTP a new connection speaks: by ALPN behind TLS (RFC 7301), else by its first bytes (RFC 9113 §3.3).
/// Confined to its channel's event loop.
final class ProtocolDetector: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  enum Version {
    case http1
    case http2
  }

  private let allowsHTTP2: Bool
  private let isPlain: Bool
  private let timeout: TimeAmount
  private let handshakeEnded: (HandshakeOutcome) -> Void
  private let decided: (any Channel, Version) throws -> Void
  /// Of TLS, if there is any.
  private var isShakingHands: Bool
  private var bytes = ByteBuffer()
  private var deadline: Scheduled<Void>?

  /// - Parameters:
  ///   - isPlain: whether there is no TLS in front.
  ///   - handshakeEnded: called once if there is TLS.
  ///   - timeout: a peer that has not shown what it speaks by then is closed.
  ///   - decided: adds the handlers; what has come goes to them.
  init(
    allowsHTTP2: Bool, isPlain: Bool, timeout: TimeAmount,
    handshakeEnded: @escaping (HandshakeOutcome) -> Void,
    decided: @escaping (any Channel, Version) throws -> Void
  ) {
    self.allowsHTTP2 = allowsHTTP2
    self.isPlain = isPlain
    self.timeout = timeout
    self.handshakeEnded = handshakeEnded
    isShakingHands = !isPlain
    self.decided = decided
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: timeout) { bound.value.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    endHandshake(.failed)
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let handshake = event as? TLSHandshakeCompleted else {
      return context.fireUserInboundEventTriggered(event)
    }
    endHandshake(handshake.isResumed ? .resumed : .full)
    // Who names no protocol speaks HTTP/1.1, which is older than the names.
    decide(handshake.applicationProtocol == "h2" ? .http2 : .http1, context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let arrived = unwrapInboundIn(data)
    if bytes.readableBytes == 0 { bytes = arrived } else { bytes.writeImmutableBuffer(arrived) }
    guard isPlain else { return }
    guard allowsHTTP2 else { return decide(.http1, context) }
    switch HTTP2Preface.matches(bytes.readableBytesView) {
    case .yes: decide(.http2, context)
    case .no: decide(.http1, context)
    case .needMore: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func endHandshake(_ outcome: HandshakeOutcome) {
    guard isShakingHands else { return }
    isShakingHands = false
    handshakeEnded(outcome)
  }

  private func decide(_ version: Version, _ context: ChannelHandlerContext) {
    do {
      try decided(context.channel, version)
    } catch {
      return context.close(promise: nil)
    }
    if bytes.readableBytes > 0 {
      context.fireChannelRead(wrapInboundOut(bytes))
      context.fireChannelReadComplete()
    }
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }
}

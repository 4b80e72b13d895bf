internal import MartletCore
internal import MartletProtocol
internal import MartletWebSocket
internal import NIOCore
internal import NIOWebSocket

/// The WebSocket side of a session: checks frames, assembles messages, answers control frames,
/// queues what goes out. Confined to its channel's event loop.
final class WebSocketConnection: ChannelInboundHandler, SessionTransport {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = ByteBuffer

  /// How long a peer has to answer a close frame.
  private static let closeTimeout = TimeAmount.seconds(2)

  private enum State {
    case open
    /// Our close frame is sent; the peer's is awaited.
    case closing(Scheduled<Void>)
    case closed
  }

  private let channel: any Channel
  private let limits: GatewayLimits
  private var writer: SocketWriter
  private var assembler: MessageAssembler
  private var state = State.open
  private var session: Session?

  /// - Parameter makeSession: called at once, with this connection as the transport.
  init(_ channel: any Channel, limits: GatewayLimits) {
    self.channel = channel
    self.limits = limits
    writer = SocketWriter(channel)
    assembler = MessageAssembler(limit: limits.messageSize)
  }

  /// Gives the connection the session that it serves.
  func attach(_ session: Session) {
    self.session = session
  }

  // MARK: SessionTransport

  var isCongested: Bool { writer.pendingBytes > limits.pendingBytes / 2 }

  func send(_ frames: ByteBuffer) {
    guard case .open = state else { return }
    // One send may be larger than the limit: a member list, a recovery. The next finds it unsent.
    if writer.pendingBytes > limits.pendingBytes {
      session?.close(.slowConsumer)
    } else {
      transmit(frames)
    }
  }

  func send(text: String) {
    send(WebSocketFraming.text(text))
  }

  func ping() {
    send(WebSocketFraming.frame(.ping, payload: ByteBuffer()))
  }

  func setReading(_ isReading: Bool) {
    channel.setOption(.autoRead, value: isReading).whenFailure { _ in }
  }

  func close(_ reason: CloseReason) {
    guard case .open = state else { return }
    transmit(WebSocketFraming.close(code: reason.code, reason: reason.label))
    setReading(true)
    let channel = channel
    state = .closing(
      channel.eventLoop.scheduleTask(in: Self.closeTimeout) { channel.close(promise: nil) })
  }

  func abort() {
    channel.close(promise: nil)
  }

  @inline(__always)
  private func transmit(_ bytes: ByteBuffer) {
    guard case .some(let rest) = writer.sendNow(bytes) else { return }
    transmitLater(rest)
  }

  private func transmitLater(_ bytes: ByteBuffer) {
    let count = bytes.readableBytes
    writer.handedToNIO(count)
    let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
    channel.writeAndFlush(bytes).whenComplete { _ in bound.value.writer.writtenByNIO(count) }
  }

  // MARK: ChannelInboundHandler

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    do throws(ProtocolViolation) {
      try read(frame)
    } catch {
      session?.close(.protocolError)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if case .closing(let timeout) = state { timeout.cancel() }
    state = .closed
    session?.transportClosed()
    session = nil
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case NIOWebSocketError.invalidFrameLength:
      session?.refuse(tooLargeFrame)
      session?.close(.frameTooLarge)
    case is NIOWebSocketError:
      session?.close(.protocolError)
    case ByteToMessageDecoderError.dataReceivedInErrorState:
      // The rest of what was refused; the peer is to read why.
      break
    default:
      context.close(promise: nil)
    }
  }

  private var tooLargeFrame: RefusedFrame {
    RefusedFrame(
      refusal: Refusal(.tooLarge, "a frame may have at most \(limits.frameSize) bytes"),
      reference: nil)
  }

  private func read(_ frame: WebSocketFrame) throws(ProtocolViolation) {
    guard frame.maskKey != nil else {
      throw ProtocolViolation("frames of a client are masked (RFC 6455 §5.1)")
    }
    guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
      throw ProtocolViolation("a reserved bit is set without an extension (RFC 6455 §5.2)")
    }
    session?.heard()
    switch frame.opcode {
    case .text:
      try read(assembler.add(.text, isFinal: frame.fin, frame.unmaskedData))
    case .binary:
      try read(assembler.add(.binary, isFinal: frame.fin, frame.unmaskedData))
    case .continuation:
      try read(assembler.add(nil, isFinal: frame.fin, frame.unmaskedData))
    case .ping:
      send(WebSocketFraming.frame(.pong, payload: frame.unmaskedData))
    case .pong:
      break
    case .connectionClose:
      try readClose(frame.unmaskedData)
    default:
      throw ProtocolViolation("an unknown opcode (RFC 6455 §5.2)")
    }
  }

  private func read(_ message: MessageAssembler.Message?) {
    guard case .open = state else { return }
    switch message {
    case .text(let bytes):
      // RFC 6455 §8.1
      guard (try? UTF8Span(validating: bytes.readableBytesUInt8Span)) != nil else {
        session?.close(.invalidText)
        return
      }
      session?.received(bytes)
    case .binary:
      session?.refuse(
        RefusedFrame(
          refusal: Refusal(.binary, "messages are JSON in text frames"), reference: nil))
    case .tooLarge:
      session?.refuse(
        RefusedFrame(
          refusal: Refusal(.tooLarge, "a message may have at most \(limits.messageSize) bytes"),
          reference: nil))
    case nil:
      break
    }
  }

  /// RFC 6455 §5.5.1: echo the code, then close.
  private func readClose(_ payload: ByteBuffer) throws(ProtocolViolation) {
    let code = payload.getInteger(at: payload.readerIndex, as: UInt16.self)
    guard payload.readableBytes != 1, code.map(Self.mayBeReceived) ?? true else {
      throw ProtocolViolation("a close frame with a bad code (RFC 6455 §7.4)")
    }
    switch state {
    case .open:
      session?.close(.normal)
    case .closing, .closed:
      break
    }
    if writer.pendingBytes == 0 {
      channel.close(promise: nil)
    }
  }

  private static func mayBeReceived(_ code: UInt16) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }
}

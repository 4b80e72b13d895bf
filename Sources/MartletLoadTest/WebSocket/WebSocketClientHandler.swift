import NIOCore

/// What a WebSocket tells its owner; all calls come on the connection's event loop.
protocol WebSocketClientDelegate: AnyObject {
  func webSocketDidOpen()
  /// One whole text message, in place: the bytes are valid during the call only.
  ///
  /// - Parameter now: when the bytes were read, nanoseconds of the monotonic clock.
  func webSocketDidReceive(_ text: Span<UInt8>, now: UInt64)
  /// Called exactly once, and last.
  func webSocketDidEnd(_ end: ConnectionEnd)
}

/// The client side of RFC 6455 in one handler: upgrade, frames, control frames, closing.
///
/// Outbound `ByteBuffer`s are the payloads of text messages. Whole messages are handed to the
/// delegate where they lie in the read buffer; only fragmented ones are copied together.
final class WebSocketClientHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum State {
    /// The response head is awaited.
    case upgrading
    /// Messages flow.
    case open
    /// A close frame was sent. The delegate has been told; the peer is given time to close.
    case closing
    case ended
  }

  /// How long a peer has to end TCP after the close frames.
  static let closingTimeout = TimeAmount.seconds(2)

  private let handshake: UpgradeHandshake
  private let request: String
  /// Let go of at the end, which breaks the cycle with an owner that holds the channel.
  private var delegate: (any WebSocketClientDelegate)?
  private var state = State.upgrading
  /// An incomplete response head or frame.
  private var pending = ByteBuffer()
  /// Fragments of a message so far; nil outside of a fragmented message.
  private var fragments: ByteBuffer?
  private var fragmentsAreText = false
  private var generator = SystemRandomNumberGenerator()

  init(handshake: UpgradeHandshake, request: String, delegate: any WebSocketClientDelegate) {
    self.handshake = handshake
    self.request = request
    self.delegate = delegate
  }

  // MARK: Inbound

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = unwrapInboundIn(data)
    if pending.readableBytes > 0 {
      pending.writeBuffer(&buffer)
      swap(&pending, &buffer)
    }
    pending = ByteBuffer()

    if case .upgrading = state {
      guard readResponse(context: context, from: &buffer) else { return }
    }
    do {
      let consumed = try readFrames(context: context, in: buffer)
      buffer.moveReaderIndex(forwardBy: consumed)
      // Nothing may follow the end; what does is dropped.
      if case .open = state, buffer.readableBytes > 0 {
        buffer.discardReadBytes()
        pending = buffer
      }
    } catch {
      fail(context: context, error)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(.lost("the connection was closed without a close frame"))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end(.lost(String(describing: error)))
    context.close(promise: nil)
  }

  /// - Returns: whether the connection is open now.
  private func readResponse(context: ChannelHandlerContext, from buffer: inout ByteBuffer) -> Bool {
    guard let length = Self.headLength(buffer.readableBytesUInt8Span) else {
      guard buffer.readableBytes <= UpgradeHandshake.largestHead else {
        end(.refused(.init(label: "bad_upgrade", message: "the response head is too large")))
        context.close(promise: nil)
        return false
      }
      pending = buffer
      return false
    }
    let head = buffer.readString(length: length) ?? ""
    buffer.moveReaderIndex(forwardBy: Self.headEnd.count)
    do throws(UpgradeHandshake.Refusal) {
      try handshake.verify(head)
    } catch {
      end(.refused(error))
      context.close(promise: nil)
      return false
    }
    state = .open
    delegate?.webSocketDidOpen()
    return true
  }

  private static let headEnd: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]

  private static func headLength(_ bytes: Span<UInt8>) -> Int? {
    guard bytes.count >= 4 else { return nil }
    for index in 0...(bytes.count - 4) where bytes[index] == 0x0D {
      if bytes[index + 1] == 0x0A, bytes[index + 2] == 0x0D, bytes[index + 3] == 0x0A {
        return index
      }
    }
    return nil
  }

  /// - Returns: how many bytes of whole frames were consumed.
  private func readFrames(
    context: ChannelHandlerContext, in buffer: ByteBuffer
  ) throws(WebSocketViolation) -> Int {
    let now = NIODeadline.now().uptimeNanoseconds
    let bytes = buffer.readableBytesUInt8Span
    var index = 0
    // The delegate may close the connection while it handles a message.
    while case .open = state, let header = try FrameHeader.parse(bytes, at: index) {
      guard bytes.count - index >= header.frameLength else { break }
      let start = index + header.headerLength
      index += header.frameLength
      try handle(header, bytes.extracting(start..<index), context: context, now: now)
    }
    return index
  }

  private func handle(
    _ header: FrameHeader, _ payload: Span<UInt8>, context: ChannelHandlerContext, now: UInt64
  ) throws(WebSocketViolation) {
    switch header.opcode {
    case .text, .binary:
      guard fragments == nil else {
        throw WebSocketViolation(message: "a new message inside of a fragmented one")
      }
      let isText = header.opcode == .text
      if !header.isFinal {
        fragments = Self.copy(payload)
        fragmentsAreText = isText
      } else if isText {
        delegate?.webSocketDidReceive(payload, now: now)
      }
    case .continuation:
      try handleContinuation(payload, isFinal: header.isFinal, now: now)
    case .ping:
      // §5.5.3: the pong repeats the ping's data.
      send(.pong, Self.copy(payload), context: context)
      context.flush()
    case .pong:
      break
    case .close:
      handleClose(payload, context: context)
    }
  }

  private static func copy(_ bytes: Span<UInt8>) -> ByteBuffer {
    var buffer = ByteBuffer()
    // Safe: bytes are initialised memory of a trivial type, and are copied before the span ends.
    unsafe buffer.writeBytes(bytes.bytes)
    return buffer
  }

  private func handleContinuation(
    _ payload: Span<UInt8>, isFinal: Bool, now: UInt64
  ) throws(WebSocketViolation) {
    guard var message = fragments else {
      throw WebSocketViolation(message: "a continuation without a beginning")
    }
    fragments = nil
    guard message.readableBytes + payload.count <= FrameHeader.largestMessage else {
      throw WebSocketViolation(message: "a message is larger than 16 MiB", closeCode: 1009)
    }
    message.writeImmutableBuffer(Self.copy(payload))
    if !isFinal {
      fragments = message
    } else if fragmentsAreText {
      delegate?.webSocketDidReceive(message.readableBytesUInt8Span, now: now)
    }
  }

  private func handleClose(_ payload: Span<UInt8>, context: ChannelHandlerContext) {
    let data = Self.copy(payload)
    let code: UInt16 = data.getInteger(at: data.readerIndex) ?? 1005
    let reason = data.getString(at: data.readerIndex + 2, length: max(0, payload.count - 2)) ?? ""
    // §5.5.1: the close frame is answered with the same code; then the server ends TCP.
    beginClosing(context: context, code: code == 1005 ? nil : code)
    end(.closed(code: code, reason: reason))
  }

  // MARK: Outbound

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .open = state else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    send(.text, unwrapOutboundIn(data), context: context, promise: promise)
  }

  /// Starts the closing handshake with code 1000 instead of cutting the connection.
  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard case .open = state, mode == .all else {
      context.close(mode: mode, promise: promise)
      return
    }
    beginClosing(context: context, code: 1000)
    promise?.succeed()
    end(.closed(code: 1000, reason: "closed by this client"))
  }

  private func send(
    _ opcode: FrameHeader.Opcode, _ payload: ByteBuffer, context: ChannelHandlerContext,
    promise: EventLoopPromise<Void>? = nil
  ) {
    var frame = context.channel.allocator.buffer(
      capacity: payload.readableBytes + FrameWriter.overhead)
    FrameWriter.write(
      opcode, payload: payload, maskingKey: generator.next(), into: &frame)
    context.write(wrapOutboundOut(frame), promise: promise)
  }

  // MARK: End

  private func fail(context: ChannelHandlerContext, _ violation: WebSocketViolation) {
    beginClosing(context: context, code: violation.closeCode)
    end(.violation(violation.message))
    context.close(promise: nil)
  }

  private func beginClosing(context: ChannelHandlerContext, code: UInt16?) {
    var payload = ByteBuffer()
    if let code { payload.writeInteger(code) }
    send(.close, payload, context: context)
    context.flush()
    state = .closing
    let channel = context.channel
    // The channel may be closed by then, which closing again does not change.
    context.eventLoop.scheduleTask(in: Self.closingTimeout) { channel.close(promise: nil) }
  }

  private func end(_ end: ConnectionEnd) {
    if case .closing = state {} else { state = .ended }
    let delegate = delegate
    self.delegate = nil
    delegate?.webSocketDidEnd(end)
  }
}

package import NIOCore

/// The incoming half of one WebSocket connection (RFC 6455 §5, RFC 7692 §6): bytes in, messages and
/// control frames out. Knows nothing of channels.
///
/// Append what has arrived, then take events until there is none; then nothing but an incomplete header
/// or control frame and the message so far is held, in storage of their own. A length that a peer merely
/// claims takes no memory.
///
/// Confined to its owner.
package struct WebSocketReader: ~Copyable {
  /// A data frame whose payload is not all there.
  private struct OpenFrame {
    /// Bytes still to come.
    var remaining: Int
    /// Turned to where the payload goes on.
    var maskKey: UInt32
    var isFinal: Bool
  }

  /// The most that is kept of an incomplete header or control frame, in bytes.
  private static let maximumLeftover = 2 + 4 + FrameHeader.maximumControlPayload
  /// Storage above this is not kept for a leftover, in bytes.
  private static let maximumLeftoverStorage = 512

  private let rules: FrameHeader.Rules
  /// Of a message, in bytes.
  private let messageSize: Int
  /// How far back compressed messages of the peer refer, and whether to earlier messages.
  private let windowBits: UInt8
  private let isInflaterKept: Bool
  /// A close frame has come, or a violation: what follows is ignored.
  package private(set) var isEnded = false
  /// What is not read yet; nil if nothing.
  private var input: ByteBuffer?
  private var frame: OpenFrame?
  private var message: PartialMessage?
  /// Made for the first compressed message; kept for the next one only if that may refer to it.
  private var inflater: Inflater?

  /// - Parameters:
  ///   - role: of this end.
  ///   - deflate: what was negotiated; nil without compression.
  package init(
    role: WebSocketRole, limits: WebSocketLimits, deflate: PermessageDeflate.Parameters? = nil
  ) {
    let peer: WebSocketRole = role == .server ? .client : .server
    rules = FrameHeader.Rules(
      role: role, isCompressionAllowed: deflate != nil, frameSize: limits.frameSize)
    messageSize = limits.messageSize
    windowBits = UInt8(deflate?.windowBits(of: peer) ?? 15)
    isInflaterKept = deflate?.hasContextTakeover(of: peer) ?? false
  }

  /// Whether a message has begun that is not complete.
  package var isInsideMessage: Bool { message != nil }

  /// Storage that waiting bytes and the message so far take, in bytes. 0 between messages.
  package var heldBytes: Int {
    (input?.storageCapacity ?? 0) + (message?.heldBytes ?? 0)
  }

  /// Whether memory is held for decompressing, about 7 KiB and the window.
  package var isInflaterHeld: Bool { inflater != nil }

  /// Takes what has arrived. If nobody else holds `bytes` (a caller's variable does, unless it is
  /// consumed), payloads are unmasked where they lie, else in copies.
  package mutating func append(_ bytes: consuming ByteBuffer) {
    guard !isEnded, bytes.readableBytes > 0 else { return }
    if input == nil {
      input = bytes
    } else {
      input?.writeImmutableBuffer(bytes)
    }
  }

  /// Where the payload is of a text message that begins at `start` of bytes that are not appended: if nothing waits in this
  /// reader, and the message is whole, in one frame, neither masked nor compressed. So most messages of a server can be
  /// read where they lie. The next begins behind it.
  ///
  /// - Returns: nil for anything else: append what begins at `start`, and ask ``next()``.
  /// - Throws: as ``next()``.
  @inline(__always)
  package mutating func wholeText(
    in bytes: Span<UInt8>, at start: Int
  ) throws(WebSocketViolation) -> Range<Int>? {
    guard input == nil, frame == nil, message == nil, !isEnded, rules.role == .client else {
      return nil
    }
    do throws(WebSocketViolation) {
      let rest = bytes.extracting(droppingFirst: start)
      guard let header = try FrameHeader.parse(rest, rules), header.opcode == .text,
        header.isFinal, !header.isCompressed, header.length <= messageSize,
        rest.count >= header.size + header.length
      else { return nil }
      let payload = start + header.size..<start + header.size + header.length
      var validation = UTF8Validation()
      let isValid = unsafe bytes.extracting(payload).withUnsafeBytes {
        unsafe validation.accept($0)
      }
      guard isValid, validation.isComplete else { throw .textNotUTF8 }
      return payload
    } catch {
      end()
      throw error
    }
  }

  /// The next event; nil until more bytes come, and for ever after a close frame (RFC 6455 §1.4) or a
  /// violation (RFC 6455 §7.1.7).
  ///
  /// - Throws: what the peer did against the protocol, once.
  package mutating func next() throws(WebSocketViolation) -> WebSocketEvent? {
    guard var bytes = input.take() else { return nil }
    let event: WebSocketEvent?
    do throws(WebSocketViolation) {
      event = try read(&bytes)
    } catch {
      end()
      throw error
    }
    if bytes.readableBytes > 0, !isEnded {
      if event == nil { Self.shrink(&bytes) }
      input = bytes
    }
    return event
  }

  private mutating func end() {
    isEnded = true
    frame = nil
    message = nil
    inflater = nil
  }

  /// A few bytes that wait for others do not hold the large buffer that they came in.
  private static func shrink(_ bytes: inout ByteBuffer) {
    guard bytes.storageCapacity > maximumLeftoverStorage else { return }
    var copy = ByteBuffer()
    copy.reserveCapacity(min(bytes.readableBytes * 2, maximumLeftover))
    copy.writeImmutableBuffer(bytes)
    bytes = copy
  }

  private mutating func read(
    _ bytes: inout ByteBuffer
  ) throws(WebSocketViolation) -> WebSocketEvent? {
    while true {
      if let frame {
        if let event = try absorb(frame, from: &bytes) { return event }
        guard self.frame == nil else { return nil }
      }
      guard let header = try FrameHeader.parse(bytes.readableBytesUInt8Span, rules) else {
        return nil
      }
      if header.opcode.isControl {
        guard bytes.readableBytes >= header.size + header.length else { return nil }
        bytes.moveReaderIndex(forwardBy: header.size)
        return try control(header, bytes.takePayload(header.length, maskKey: header.maskKey))
      }
      bytes.moveReaderIndex(forwardBy: header.size)
      if message == nil, let event = try whole(header, from: &bytes) { return event }
      try begin(header)
    }
  }

  // MARK: Messages

  /// A message in one frame that is all there and not compressed: the usual case, without a copy.
  @inline(__always)
  private func whole(
    _ header: FrameHeader, from bytes: inout ByteBuffer
  ) throws(WebSocketViolation) -> WebSocketEvent? {
    guard header.isFinal, !header.isCompressed, bytes.readableBytes >= header.length,
      header.length <= messageSize
    else { return nil }
    switch header.opcode {
    case .text:
      let text = bytes.takePayload(header.length, maskKey: header.maskKey)
      var validation = UTF8Validation()
      guard unsafe text.withUnsafeReadableBytes({ unsafe validation.accept($0) }),
        validation.isComplete
      else { throw .textNotUTF8 }
      return .text(text)
    case .binary:
      return .binary(bytes.takePayload(header.length, maskKey: header.maskKey))
    default:
      return nil
    }
  }

  /// RFC 6455 §5.4: the first frame says what the message is, the others continue it.
  private mutating func begin(_ header: FrameHeader) throws(WebSocketViolation) {
    if header.opcode == .continuation {
      guard message != nil else { throw .continuationOfNothing }
      guard !header.isCompressed else { throw .compressedFragment }
    } else {
      guard message == nil else { throw .interruptedMessage }
      message = PartialMessage(
        isText: header.opcode == .text, isCompressed: header.isCompressed)
    }
    message?.expect(header.length, limit: messageSize)
    frame = OpenFrame(
      remaining: header.length, maskKey: header.maskKey, isFinal: header.isFinal)
  }

  /// Takes what is there of a data frame's payload; ``frame`` is nil if that was all of it.
  private mutating func absorb(
    _ frame: OpenFrame, from bytes: inout ByteBuffer
  ) throws(WebSocketViolation) -> WebSocketEvent? {
    guard var message = message.take() else { preconditionFailure("a data frame is of a message") }
    let count = min(frame.remaining, bytes.readableBytes)
    if count > 0 {
      if message.isDropped {
        bytes.moveReaderIndex(forwardBy: count)
      } else if message.isCompressed {
        try inflate(bytes.takePayload(count, maskKey: frame.maskKey), into: &message)
      } else if let part = bytes.readSlice(length: count) {
        try message.append(part, maskKey: frame.maskKey)
      }
    }
    guard count == frame.remaining else {
      self.message = message
      self.frame = OpenFrame(
        remaining: frame.remaining - count,
        maskKey: Masking.advance(frame.maskKey, by: count), isFinal: frame.isFinal)
      return nil
    }
    self.frame = nil
    guard frame.isFinal else {
      self.message = message
      return nil
    }
    if message.isCompressed { try endInflating(&message) }
    return try message.event()
  }

  // MARK: Compression

  private mutating func inflate(
    _ part: ByteBuffer, into message: inout PartialMessage
  ) throws(WebSocketViolation) {
    let inflater = inflater ?? makeInflater()
    try check(message.inflate(part, with: inflater, limit: messageSize), &message)
  }

  private mutating func endInflating(_ message: inout PartialMessage) throws(WebSocketViolation) {
    if !message.isDropped, let inflater {
      try check(message.endInflating(with: inflater, limit: messageSize), &message)
    }
    if !isInflaterKept { inflater = nil }
  }

  private mutating func makeInflater() -> Inflater {
    let made = Inflater(windowBits: Int(windowBits))
    inflater = made
    return made
  }

  private mutating func check(
    _ outcome: Inflater.Outcome, _ message: inout PartialMessage
  ) throws(WebSocketViolation) {
    try message.check()
    switch outcome {
    case .done:
      break
    case .corrupt:
      throw .badCompression
    case .full:
      // A bomb is not inflated only to keep up with what the next message may refer to.
      guard !isInflaterKept else { throw .messageTooLarge(limit: messageSize) }
      message.drop()
      inflater = nil
    }
  }

  // MARK: Control frames

  private mutating func control(
    _ header: FrameHeader, _ payload: ByteBuffer
  ) throws(WebSocketViolation) -> WebSocketEvent {
    switch header.opcode {
    case .ping:
      return .ping(payload)
    case .pong:
      return .pong(payload)
    default:
      let event = try Self.close(payload)
      end()
      return event
    }
  }

  /// RFC 6455 §5.5.1.
  private static func close(_ payload: ByteBuffer) throws(WebSocketViolation) -> WebSocketEvent {
    var payload = payload
    guard payload.readableBytes > 0 else { return .close(code: nil, reason: "") }
    guard let code = payload.readInteger(as: UInt16.self) else { throw .closePayloadOfOneByte }
    guard isOnTheWire(code) else { throw .closeCode(code) }
    guard let reason = try? UTF8Span(validating: payload.readableBytesUInt8Span) else {
      throw .closeReasonNotUTF8
    }
    return .close(code: code, reason: String(copying: reason))
  }

  /// RFC 6455 §7.4: 1004, 1005, 1006 and 1015 are reserved for other uses than this, numbers below 3000
  /// for the protocol, which has registered these.
  private static func isOnTheWire(_ code: UInt16) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }
}

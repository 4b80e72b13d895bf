internal import MartletCore
internal import MartletProtocol
internal import MartletWebSocket
internal import NIOCore

/// A WebSocket over whatever carries its bytes: reads frames, answers control frames, queues what goes out.
/// Confined to its stream's event loop.
final class WebSocketConnection: ByteStreamDelegate, SessionTransport {
  private enum State {
    /// It is not decided yet whom the connection serves; what the peer sends waits.
    /// Can transition to: open, closing, closed.
    case admitting
    /// Can transition to: closing, closed.
    case open
    /// Our close frame is sent; the peer's is awaited, or what is unsent leaves. Can transition to: closed.
    case closing(Scheduled<Void>)
    case closed
  }

  let kind: TransportKind
  private let stream: any ByteStream
  private let limits: GatewayLimits
  private let compression: MessageCompression?
  private var reader: WebSocketReader
  private var state = State.admitting
  private var owner: (any TransportOwner)?
  /// The peer has broken the protocol: nothing that comes can be understood.
  private var isBroken = false
  /// The peer's close frame has come.
  private var isEndedByPeer = false
  /// More than enough has come from a peer that is not admitted yet.
  private var isHeldBack = false

  /// - Parameters:
  ///   - kind: says what `stream` is.
  ///   - compression: what was negotiated; nil: nothing.
  init(
    _ stream: any ByteStream, _ kind: TransportKind, limits: GatewayLimits,
    compression: MessageCompression?
  ) {
    self.kind = kind
    self.stream = stream
    self.limits = limits
    self.compression = compression
    reader = WebSocketReader(
      role: .server,
      limits: WebSocketLimits(frameSize: limits.frameSize, messageSize: limits.messageSize),
      deflate: compression?.parameters)
  }

  /// Whether the peer is there, and waits to be served.
  var isAdmitting: Bool {
    if case .admitting = state { true } else { false }
  }

  /// Gives the connection its owner: now what the peer sends is read.
  func attach(_ owner: any TransportOwner) {
    guard case .admitting = state else { return }
    self.owner = owner
    state = .open
    if isHeldBack { stream.setReading(true) }
    readFrames()
  }

  // MARK: SessionTransport

  var format: WireFormat { compression?.format ?? .webSocket }

  var heartbeat: TimeAmount? { nil }

  var unsentBytes: Int { stream.ownPendingBytes }

  var isCongested: Bool { stream.pendingBytes > limits.pendingBytes / 2 }

  @inline(__always)
  func send(_ frames: ByteBuffer) {
    guard hasRoom() else { return }
    stream.write(compression?.framed(frames) ?? frames)
  }

  func send(text: String, position: Position?) {
    guard hasRoom() else { return }
    stream.write(
      compression?.frame(.text, ByteBuffer(string: text)) ?? WebSocketFraming.text(text))
  }

  /// Sends one message, of which nothing is compressed yet.
  func send(message: ByteBuffer, _ opcode: WebSocketOpcode) {
    guard hasRoom() else { return }
    stream.write(
      compression?.frame(opcode, message) ?? WebSocketFraming.frame(opcode, payload: message))
  }

  /// Whether something may be sent. Not so if too much is unsent: then the session is closed, and what is not
  /// sent must not have passed the compressor.
  @inline(__always)
  private func hasRoom() -> Bool {
    switch state {
    case .open: break
    // A refusal is told before anybody owns the connection.
    case .admitting: return true
    case .closing, .closed: return false
    }
    // One send may be larger than the limit: a member list, a recovery. The next finds it unsent.
    guard stream.pendingBytes > limits.pendingBytes else { return true }
    owner?.close(.slowConsumer)
    return false
  }

  func ping() {
    control(.ping, ByteBuffer())
  }

  private func control(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) {
    guard hasRoom() else { return }
    stream.write(WebSocketFraming.frame(opcode, payload: payload))
  }

  func setReading(_ isReading: Bool) {
    stream.setReading(isReading)
  }

  func close(_ reason: CloseReason) {
    close(code: reason.code, reason: reason.label)
  }

  private func close(code: UInt16, reason: String) {
    switch state {
    case .admitting, .open: break
    case .closing, .closed: return
    }
    stream.write(WebSocketFraming.close(code: code, reason: reason))
    state = .closing(stream.scheduleAbort())
    if isEndedByPeer { stream.end() } else { stream.setReading(true) }
  }

  func abort() {
    stream.abort()
  }

  // MARK: ByteStreamDelegate

  func received(_ bytes: ByteBuffer) {
    // The peer is to read why: closing with bytes unread would reset the connection.
    guard !isBroken else { return }
    reader.append(bytes)
    if case .admitting = state { return holdBack() }
    owner?.heard()
    readFrames()
  }

  private func holdBack() {
    guard !isHeldBack, reader.heldBytes > limits.messageSize else { return }
    isHeldBack = true
    stream.setReading(false)
  }

  func receivedEnd() {
    // A WebSocket has an end of its own; one without is an end of the connection (RFC 6455 §7.1.5).
    stream.abort()
  }

  func closed() {
    if case .closing(let timeout) = state { timeout.cancel() }
    state = .closed
    owner?.transportClosed()
    owner = nil
  }

  private func readFrames() {
    do throws(WebSocketViolation) {
      while true {
        if case .closed = state { return }
        guard let event = try reader.next() else { return }
        handle(event)
      }
    } catch {
      violated(error)
    }
  }

  private func handle(_ event: WebSocketEvent) {
    if case .close = event { isEndedByPeer = true }
    if case .closing = state {
      // What the peer had sent before it saw our close frame.
      if isEndedByPeer { stream.end() }
      return
    }
    switch event {
    case .text(let message): owner?.received(message)
    case .binary(let message): owner?.receivedBinary(message)
    case .ping(let payload): control(.pong, payload)
    case .pong: break
    case .tooLarge:
      owner?.refuse(
        RefusedFrame(
          refusal: Refusal(.tooLarge, "a message may have at most \(limits.messageSize) bytes"),
          reference: nil))
    case .close(let code, _):
      // RFC 6455 §5.5.1: the code is echoed.
      if let code, code != CloseReason.normal.code { close(code: code, reason: "") }
      owner?.close(.normal)
    }
  }

  /// Fails the connection (RFC 6455 §7.1.7): nothing that comes is read any more, not even a close frame, so the
  /// server ends the connection without waiting for one.
  private func violated(_ violation: WebSocketViolation) {
    isBroken = true
    if case .open = state { tellOwner(violation) }
    if case .closing = state { stream.endOutput() }
  }

  private func tellOwner(_ violation: WebSocketViolation) {
    switch violation.closeCode {
    case CloseReason.invalidText.code: owner?.close(.invalidText)
    case CloseReason.frameTooLarge.code:
      owner?.refuse(
        RefusedFrame(
          refusal: Refusal(.tooLarge, "a frame may have at most \(limits.frameSize) bytes"),
          reference: nil))
      owner?.close(.frameTooLarge)
    default: owner?.close(.protocolError)
    }
  }
}

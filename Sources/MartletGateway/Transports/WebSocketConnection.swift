internal import MartletCore
internal import MartletProtocol
internal import MartletWebSocket
internal import NIOCore

/// A WebSocket over whatever carries its bytes: reads frames, answers control frames, queues what goes out.
/// Confined to its stream's event loop.
final class WebSocketConnection: ByteStreamDelegate, SessionTransport {
  /// How long a peer has to answer a close frame.
  private static let closeTimeout = TimeAmount.seconds(2)

  private enum State {
    /// It is not decided yet whom the connection serves; what the peer sends waits.
    /// Can transition to: open, closing, closed.
    case admitting
    /// Can transition to: closing, closed.
    case open
    /// Our close frame is sent; the peer's is awaited. Can transition to: closed.
    case closing(Scheduled<Void>)
    case closed
  }

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

  /// - Parameter compression: what was negotiated; nil: nothing.
  init(_ stream: any ByteStream, limits: GatewayLimits, compression: MessageCompression?) {
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
    guard case .open = state else { return sendUnattached(frames) }
    if hasRoom() { stream.write(compression?.framed(frames) ?? frames) }
  }

  /// One send may be larger than the limit: a member list, a recovery. The next finds it unsent.
  @inline(__always)
  private func hasRoom() -> Bool {
    guard stream.pendingBytes > limits.pendingBytes else { return true }
    owner?.close(.slowConsumer)
    return false
  }

  /// A refusal is told before anybody owns the connection.
  private func sendUnattached(_ frames: ByteBuffer) {
    if case .admitting = state { stream.write(frames) }
  }

  func send(text: String, position: Position?) {
    send(WebSocketFraming.text(text))
  }

  /// Sends a message back as it came.
  func send(message: ByteBuffer, _ opcode: WebSocketOpcode) {
    // Not by the way of frames that are compressed on it.
    guard case .open = state, hasRoom() else { return }
    stream.write(
      compression?.frame(opcode, message) ?? WebSocketFraming.frame(opcode, payload: message))
  }

  func ping() {
    send(WebSocketFraming.frame(.ping, payload: ByteBuffer()))
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
    if isEndedByPeer {
      state = .closed
      return stream.end()
    }
    let stream = NIOLoopBound(self.stream, eventLoop: stream.eventLoop)
    state = .closing(
      stream.eventLoop.scheduleTask(in: Self.closeTimeout) { stream.value.abort() })
    self.stream.setReading(true)
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
    case .ping(let payload): send(WebSocketFraming.frame(.pong, payload: payload))
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

import MartletWebSocket
import NIOCore
import NIOHTTP1

/// The client's side of one WebSocket (RFC 6455), on a socket or on a stream of HTTP/2 (RFC 8441). Confined to its event loop.
///
/// Messages that are whole in one frame, as nearly all are, are handed out where they lie in what was read.
final class WebSocketTransport: ClientTransport {
  private enum State {
    /// To: upgrading, open (over HTTP/2), ended.
    case connecting
    /// The response head of HTTP/1.1 is awaited, of which this has come. To: open, ended.
    case upgrading(UpgradeHandshake, ByteBuffer)
    /// To: closing, ended.
    case open
    /// Our close frame is sent, and the delegate knows; the server is given time to end the connection. To: ended.
    case closing(Scheduled<Void>)
    case ended
  }

  /// How long a server has to end the connection after a close frame.
  static let closingTimeout = TimeAmount.seconds(2)
  /// Of a frame and of a message from a server, in bytes.
  static let largestMessage = 16 * 1024 * 1024
  /// Smaller messages are not compressed, in bytes.
  static let compressionFloor = 64

  private let dial: Dial
  private let eventLoop: any EventLoop
  private let keys: MaskKeys
  private let compressors: CompressorPool
  private let offer: PermessageDeflate.Offer?
  private var state = State.connecting
  /// Whether ``state`` is open: looked at for each message.
  private var isOpen = false
  private var reader = WebSocketReader(role: .client, limits: limits)
  private var compressor: DeflateCompressor?
  private var stream: (any ClientByteStream)?
  private var delegate: (any ClientTransportDelegate)?

  private static let limits = WebSocketLimits(
    frameSize: largestMessage, messageSize: largestMessage)

  init(
    _ dial: Dial, eventLoop: any EventLoop, keys: MaskKeys, compressors: CompressorPool,
    delegate: any ClientTransportDelegate
  ) {
    self.dial = dial
    self.eventLoop = eventLoop
    self.keys = keys
    self.compressors = compressors
    self.delegate = delegate
    offer = dial.offer
  }

  /// Gives the transport what it is to speak over. Called once, before anything comes from there.
  func attach(_ stream: any ClientByteStream) {
    self.stream = stream
  }

  /// What an extended CONNECT (RFC 8441 §4) has beside its pseudo-header fields.
  var connectFields: HTTPHeaders {
    var fields = dial.fields
    if let offer { fields.add(name: "sec-websocket-extensions", value: offer.field) }
    return fields
  }

  // MARK: ClientTransport

  func send(_ text: ByteBuffer, sequence: UInt32?) {
    guard isOpen else { return }
    if let compressor, text.readableBytes >= Self.compressionFloor {
      stream?.write(compressor.frame(.text, text, maskKey: keys.next()))
    } else {
      stream?.write(WebSocketFraming.frame(.text, payload: text, maskKey: keys.next()))
    }
  }

  func flush() {
    guard isOpen else { return }
    stream?.flush()
  }

  func setReading(_ reading: Reading) {
    guard case .closing = state else { return stream?.setReading(reading) ?? () }
  }

  func read() {
    stream?.read()
  }

  func close() {
    delegate = nil
    switch state {
    case .connecting, .upgrading: abort()
    case .open: sayGoodbye(code: 1000)
    case .closing, .ended: break
    }
  }

  func abort() {
    delegate = nil
    becomeEnded()
    stream?.abort()
    stream = nil
  }

  // MARK: Frames

  private func readFrames(_ bytes: ByteBuffer) {
    let now = NIODeadline.now().uptimeNanoseconds
    var start = 0
    do throws(MartletWebSocket.WebSocketViolation) {
      let span = bytes.readableBytesUInt8Span
      // The delegate may close the connection while it handles a message.
      while isOpen, let text = try reader.wholeText(in: span, at: start) {
        start = text.upperBound
        delegate?.transportDidReceive(span.extracting(text), now: now)
      }
      guard isOpen, start < span.count else { return }
      var rest = bytes
      rest.moveReaderIndex(forwardBy: start)
      reader.append(rest)
      while isOpen, let event = try reader.next() { handle(event, now: now) }
    } catch {
      fail(.violation(error.description), code: error.closeCode)
    }
  }

  private func handle(_ event: WebSocketEvent, now: UInt64) {
    switch event {
    case .text(let message):
      delegate?.transportDidReceive(message.readableBytesUInt8Span, now: now)
    case .binary, .pong:
      break
    case .ping(let payload):
      // RFC 6455 §5.5.3: the pong repeats the ping's data.
      stream?.write(WebSocketFraming.frame(.pong, payload: payload, maskKey: keys.next()))
      stream?.flush()
    case .tooLarge:
      fail(.violation("a message is larger than 16 MiB"), code: 1009)
    case .close(let code, let reason):
      // RFC 6455 §5.5.1: the code is echoed; then the server ends the connection.
      let delegate = delegate
      self.delegate = nil
      sayGoodbye(code: code)
      delegate?.transportDidEnd(.closed(code: code ?? 1005, reason: reason))
    }
  }

  private func fail(_ end: ConnectionEnd, code: UInt16) {
    let delegate = delegate
    self.delegate = nil
    // RFC 6455 §7.1.7: what the server answers is not of interest.
    if isOpen {
      sayGoodbye(code: code)
      stream?.end()
    }
    delegate?.transportDidEnd(end)
  }

  private func sayGoodbye(code: UInt16?) {
    stream?.write(WebSocketFraming.close(code: code, maskKey: keys.next()))
    stream?.flush()
    // Or the server's end of the connection would go unnoticed.
    stream?.setReading(.atOnce)
    isOpen = false
    let timeout = eventLoop.assumeIsolated().scheduleTask(in: Self.closingTimeout) { self.abort() }
    state = .closing(timeout)
  }

  private func becomeEnded() {
    if case .closing(let timeout) = state { timeout.cancel() }
    isOpen = false
    state = .ended
  }

  private func becomeOpen(_ deflate: PermessageDeflate.Parameters?) {
    if let deflate {
      reader = WebSocketReader(role: .client, limits: Self.limits, deflate: deflate)
      compressor = compressors.compressor(deflate)
    }
    state = .open
    isOpen = true
    delegate?.transportDidOpen()
  }

  private func refuse(_ refusal: UpgradeHandshake.Refusal) {
    end(.refused(refusal))
  }

  private func end(_ end: ConnectionEnd) {
    let delegate = delegate
    abort()
    delegate?.transportDidEnd(end)
  }
}

// MARK: Over HTTP/1.1

extension WebSocketTransport: ByteStreamOwner {
  func streamDidConnect() {
    guard case .connecting = state else { return }
    let handshake = UpgradeHandshake(nonce: keys.nonce())
    state = .upgrading(handshake, ByteBuffer())
    let request = handshake.request(
      authority: dial.server.authority, path: dial.pathWithPosition, token: dial.token,
      offer: offer)
    stream?.write(ByteBuffer(string: request))
    stream?.flush()
  }

  func streamDidReceive(_ bytes: ByteBuffer) {
    if isOpen { return readFrames(bytes) }
    guard case .upgrading(let handshake, var head) = state else { return }
    // A copy: `bytes` is given back.
    head.writeImmutableBuffer(bytes)
    guard let length = Self.headLength(head.readableBytesUInt8Span) else {
      guard head.readableBytes <= UpgradeHandshake.largestHead else {
        return refuse(
          .init(
            label: UpgradeHandshake.malformedLabel, message: "the response head is too large"))
      }
      state = .upgrading(handshake, head)
      return
    }
    let text = head.readString(length: length) ?? ""
    head.moveReaderIndex(forwardBy: Self.headEnd)
    do throws(UpgradeHandshake.Refusal) {
      becomeOpen(try handshake.verify(text, offer: offer))
    } catch {
      return refuse(error)
    }
    if isOpen, head.readableBytes > 0 { readFrames(head) }
  }

  func streamDidEnd(_ end: ConnectionEnd) {
    var end = end
    if case .lost = end, isOpen { end = .lost("the connection ended without a close frame") }
    self.end(end)
  }

  /// Of the empty line behind a head, in bytes.
  private static let headEnd = 4

  private static func headLength(_ bytes: Span<UInt8>) -> Int? {
    guard bytes.count >= headEnd else { return nil }
    for index in 0...(bytes.count - headEnd) where bytes[index] == 0x0D {
      if bytes[index + 1] == 0x0A, bytes[index + 2] == 0x0D, bytes[index + 3] == 0x0A {
        return index
      }
    }
    return nil
  }
}

// MARK: Over HTTP/2

extension WebSocketTransport: ResponseOwner {
  /// RFC 8441 §5: any 2xx accepts.
  func responseDidBegin(status: Int, _ fields: HTTPHeaders) {
    guard case .connecting = state else { return }
    guard (200...299).contains(status) else {
      return refuse(.init(status: status))
    }
    let answer = fields["sec-websocket-extensions"].joined(separator: ",")
    do throws(UpgradeHandshake.Refusal) {
      becomeOpen(
        try UpgradeHandshake.parameters(offer: offer, answer: answer.isEmpty ? nil : answer))
    } catch {
      refuse(error)
    }
  }

  func responseDidReceive(_ bytes: ByteBuffer) {
    if isOpen { readFrames(bytes) }
  }

  func responseDidEnd() {
    if case .closing = state {
      becomeEnded()
      stream?.end()
      stream = nil
      return
    }
    streamDidEnd(.lost("the stream ended"))
  }

  func responseDidFail(_ end: ConnectionEnd) {
    streamDidEnd(end)
  }
}

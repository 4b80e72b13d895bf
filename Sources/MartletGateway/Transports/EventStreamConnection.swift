internal import MartletCore
internal import MartletProtocol
internal import NIOCore

/// Server-sent events (WHATWG HTML §9.2): a response that does not end. Confined to its stream's event loop.
final class EventStreamConnection: ByteStreamDelegate, SessionTransport {
  private let stream: any ByteStream
  private let limits: GatewayLimits
  private var owner: (any TransportOwner)?
  private var isOpen = true
  private var abortion: Scheduled<Void>?

  init(_ stream: any ByteStream, limits: GatewayLimits) {
    self.stream = stream
    self.limits = limits
    // How long browsers wait before they come back, in milliseconds.
    let retry = limits.eventStreamRetry.nanoseconds / 1_000_000
    stream.write(ByteBuffer(string: "retry: \(retry)\n\n"))
  }

  func attach(_ owner: any TransportOwner) {
    guard isOpen else { return owner.transportClosed() }
    self.owner = owner
  }

  // MARK: SessionTransport

  let kind = TransportKind.eventStream
  let format = WireFormat.eventStream

  var heartbeat: TimeAmount? { limits.eventStreamHeartbeat }

  var unsentBytes: Int { stream.ownPendingBytes }

  var isCongested: Bool { stream.pendingBytes > limits.pendingBytes / 2 }

  func send(_ frames: ByteBuffer) {
    guard isOpen else { return }
    if stream.pendingBytes > limits.pendingBytes {
      owner?.close(.slowConsumer)
    } else {
      stream.write(frames)
    }
  }

  func send(text: String, position: Position?) {
    send(Self.event(text, position: position))
  }

  private static func event(_ text: String, position: Position?) -> ByteBuffer {
    let id = position.map { "id: \($0.epoch):\($0.offset)\n" } ?? ""
    return ByteBuffer(string: "\(id)data: \(text)\n\n")
  }

  /// A comment: keeps proxies from thinking that the connection is idle. Nobody answers it.
  func ping() {
    send(ByteBuffer(string: ":\n\n"))
    owner?.heard()
  }

  /// The peer sends nothing anyhow.
  func setReading(_ isReading: Bool) {}

  func close(_ reason: CloseReason) {
    guard isOpen else { return }
    isOpen = false
    // However much is unsent before it.
    stream.write(Self.event(ServerFrame.closing(reason), position: nil))
    abortion = stream.scheduleAbort()
    stream.end()
  }

  func abort() {
    stream.abort()
  }

  // MARK: ByteStreamDelegate

  func received(_ bytes: ByteBuffer) {}

  func receivedEnd() {
    // Over HTTP/2 it is the end of the request; over HTTP/1.1 clients close both ways.
  }

  func closed() {
    isOpen = false
    abortion?.cancel()
    owner?.transportClosed()
    owner = nil
  }
}

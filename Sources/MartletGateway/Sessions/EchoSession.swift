internal import MartletCore
internal import MartletProtocol
internal import MartletWebSocket
internal import NIOCore

/// Sends each message back as it came, so that clients and conformance suites can be tested against the gateway's
/// WebSockets alone. Confined to its hub's event loop.
final class EchoSession: TransportOwner {
  private let transport: WebSocketConnection
  private unowned let hub: Hub
  private var liveness: Liveness
  private var isOpen = true

  var kind: TransportKind { transport.kind }

  init(_ transport: WebSocketConnection, hub: Hub) {
    self.transport = transport
    self.hub = hub
    self.liveness = Liveness(now: hub.now)
  }

  func heard() {
    liveness.heard(now: hub.now)
  }

  func received(_ message: ByteBuffer) {
    transport.send(message: message, .text)
  }

  func receivedBinary(_ message: ByteBuffer) {
    transport.send(message: message, .binary)
  }

  /// What speaks no JSON is told nothing in JSON: the message is dropped, or the connection closed.
  func refuse(_ refused: RefusedFrame) {
    hub.counts.refusals[refused.refusal.code, default: 0] += 1
    if refused.refusal.code == .tooLarge { close(.frameTooLarge) }
  }

  func close(_ reason: CloseReason) {
    guard isOpen else { return }
    isOpen = false
    hub.counts.closes[reason, default: 0] += 1
    transport.close(reason)
  }

  func transportClosed() {
    if isOpen {
      isOpen = false
      hub.counts.closes[.normal, default: 0] += 1
    }
    hub.closed(self)
  }

  func sweep(now: NIODeadline, wallClock: Int64) {
    guard isOpen else { return }
    let limits = hub.services.limits
    switch liveness.check(now: now, interval: limits.pingInterval, timeout: limits.pingTimeout) {
    case .nothing: break
    case .ping: transport.ping()
    case .end: if !hub.wasHeldUp { close(.idle) }
    }
  }

  func drain(reconnectAfter: Int64) {
    close(.draining)
  }

  func abort() {
    transport.abort()
  }

  var unsentBytes: Int { transport.unsentBytes }
}

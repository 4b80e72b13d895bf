import MartletHTTP2
import MartletTLS
import NIOCore

/// An HTTP/2 connection that clients of a loop share. Confined to that loop.
///
/// Streams are opened when the server's settings are known: what does not fit then goes to another connection.
final class SharedConnection {
  private enum State {
    /// The server's settings are awaited. To: ready, closed.
    case connecting([HTTP2RequestStream])
    /// To: leaving, closed.
    case ready(HTTP2ClientHandler)
    /// The server takes no further streams, or there is nobody left. To: closed.
    case leaving
    case closed
  }

  let key: HTTP2Pool.Key
  /// A cycle, until the pool lets go of it.
  private let pool: HTTP2Pool
  private var state = State.connecting([])
  private var channel: (any Channel)?
  /// Streams that are open or wait.
  private(set) var count = 0
  /// What went wrong on the connection as a whole.
  private(set) var problem: String?
  /// Of the server; until it tells, what it told on an earlier connection.
  private var streamLimit: Int
  private var handler: HTTP2ClientHandler?

  init(_ key: HTTP2Pool.Key, streamLimit: Int, pool: HTTP2Pool) {
    self.key = key
    self.streamLimit = streamLimit
    self.pool = pool
  }

  func connect(_ dial: Dial, by connector: Connector) {
    var configuration = HTTP2Configuration()
    // A client that stalls is the scenario's; one that waits is the caller's.
    configuration.stallTimeout = nil
    connector.connect(dial, .http2) { channel in
      self.channel = channel
      let handler = HTTP2ClientHandler(
        configuration: configuration, goAwayReceived: { _, _ in self.leave() },
        settingsReceived: { self.becomeReady() })
      self.handler = handler
      try channel.pipeline.syncOperations.addHandlers(
        ConnectionObserver(self, isPlain: !dial.server.isSecure), handler)
    } failed: { reason in
      self.fail(.connectFailed(reason))
    }
  }

  // MARK: Streams

  /// Whether one more stream may be added.
  func hasRoom(for dial: Dial) -> Bool {
    switch state {
    case .connecting, .ready: count < min(dial.streamsPerConnection, streamLimit)
    case .leaving, .closed: false
    }
  }

  func add(_ stream: HTTP2RequestStream) {
    count += 1
    stream.assigned(to: self)
    switch state {
    case .connecting(let waiting): state = .connecting(waiting + [stream])
    case .ready(let handler): stream.begin(on: handler)
    case .leaving, .closed: preconditionFailure("a connection without room gets a stream")
    }
  }

  /// The client of a stream that waits has gone.
  func drop(_ stream: HTTP2RequestStream) {
    if case .connecting(let waiting) = state {
      state = .connecting(waiting.filter { $0 !== stream })
    }
    isOver(stream)
  }

  func isOver(_ stream: HTTP2RequestStream) {
    count -= 1
    guard count == 0 else { return }
    if case .connecting = state {
      leave()
      channel?.close(promise: nil)
    } else {
      leave()
      handler?.goAway()
    }
  }

  /// A stream was refused although there seemed to be room.
  func refused() {
    streamLimit = max(1, min(streamLimit, count - 1))
  }

  private func becomeReady() {
    guard case .connecting(let waiting) = state, let handler else { return }
    state = .ready(handler)
    streamLimit = handler.streamLimit
    pool.learned(streamLimit, of: key)
    guard streamLimit > 0 else {
      state = .connecting(waiting)
      return fail(
        .refused(
          .init(
            label: UpgradeHandshake.malformedLabel, message: "the server allows no streams")))
    }
    let fitting = waiting.prefix(streamLimit)
    count = fitting.count
    for stream in fitting { stream.begin(on: handler) }
    for stream in waiting.dropFirst(streamLimit) { stream.moveOn() }
  }

  // MARK: End

  /// No further streams; those that are open go on.
  private func leave() {
    if case .closed = state { return }
    pool.remove(self)
    let before = state
    state = .leaving
    // They have not been sent.
    if case .connecting(let waiting) = before {
      count -= waiting.count
      for stream in waiting { stream.tryAgain() }
    }
  }

  fileprivate func negotiated(_ applicationProtocol: String?) {
    guard applicationProtocol != "h2" else { return }
    fail(
      .refused(
        .init(
          label: UpgradeHandshake.malformedLabel,
          message: "the server does not speak HTTP/2 (ALPN, RFC 7301)")))
    channel?.close(promise: nil)
  }

  fileprivate func failed(_ reason: String) {
    problem = problem ?? reason
  }

  fileprivate func closed(wasConnected: Bool) {
    let reason = problem ?? "the server closed the connection"
    fail(wasConnected ? .lost(reason) : .connectFailed(reason))
  }

  /// The connection is of no use: streams that are open learn of it by their own closure.
  private func fail(_ end: ConnectionEnd) {
    if case .closed = state { return }
    pool.remove(self)
    let before = state
    state = .closed
    if case .connecting(let waiting) = before {
      for stream in waiting { stream.fail(end) }
    }
    handler = nil
  }
}

/// Sees what happens under HTTP/2, in front of which it stands. Confined to its channel's event loop.
private final class ConnectionObserver: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let connection: SharedConnection
  private let isPlain: Bool
  private var isConnected = false

  init(_ connection: SharedConnection, isPlain: Bool) {
    self.connection = connection
    self.isPlain = isPlain
  }

  func channelActive(context: ChannelHandlerContext) {
    if isPlain { isConnected = true }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let handshake = event as? TLSHandshakeCompleted {
      isConnected = true
      connection.negotiated(handshake.applicationProtocol)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    connection.failed(ConnectError.describe(error))
    context.fireErrorCaught(error)
  }

  func channelInactive(context: ChannelHandlerContext) {
    connection.closed(wasConnected: isConnected)
    context.fireChannelInactive()
  }
}

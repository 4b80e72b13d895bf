internal import NIOCore
internal import NIOHTTP1

/// One HTTP/2 connection on a channel, of either side.
///
/// Delegates are called while nghttp2 works, and what they send is only submitted to it. Bytes are taken
/// from nghttp2 by ``flush()`` alone: when the channel has delivered all it read, or in a task of its
/// own; never from within a callback. So everything of one turn leaves in one write, and a delegate may
/// call what it likes. Confined to the channel's event loop.
final class HTTP2Connection {
  typealias Accept = (HTTP2Stream, HTTP2RequestHead) -> (any HTTP2StreamDelegate)?

  enum Role {
    case server(Accept)
    case client
  }

  enum Phase {
    /// The channel is not yet active. To: open, closed.
    case idle
    /// To: closing, when a GOAWAY has been carried out or a peer broke a rule; closed.
    case open
    /// Nothing is received, the last bytes leave. To: closed.
    case closing
    case closed
  }

  /// The way to a graceful end (RFC 9113 §6.8).
  enum Drain {
    case none
    /// The first GOAWAY is sent: the peer may not know yet.
    case announced
    /// The second GOAWAY is sent: no further streams.
    case final
  }

  let configuration: HTTP2Configuration
  let role: Role
  private(set) lazy var session = HTTP2Session(isServer ? .server : .client, configuration, self)
  /// Nil before the handler is added and after it is removed.
  private(set) var context: ChannelHandlerContext?
  /// Nil before the handler is added.
  private var eventLoop: (any EventLoop)?
  var phase = Phase.idle
  var drain = Drain.none

  var streams: [Int32: HTTP2Stream] = [:]
  /// Requests that wait for the channel, or for the server's settings.
  var waiting: [(stream: HTTP2Stream, head: HTTP2RequestHead)] = []
  var headers: HeaderAssembly?
  /// The bytes that the session is receiving.
  var input = ByteBuffer()
  var hasPeerSettings = false
  /// The peer broke a rule that nghttp2 does not know.
  var violation: HTTP2ErrorCode?
  /// Of the GOAWAY that ended the connection.
  var endCode: HTTP2ErrorCode?
  var flood: FloodGuard

  // MARK: Output

  var batch = OutputBatch()
  var isSending = false
  /// Something was submitted since the last flush.
  var needsFlush = false
  var flushIsScheduled = false
  /// There may be more to send than the channel may have.
  var isHeldBack = false
  /// Bytes that the channel has and has not written.
  var unwritten = 0
  /// Pending bytes of all streams.
  var pendingBytes = 0
  /// Streams that have sent what kept them above the mark.
  var drained: [HTTP2Stream] = []

  // MARK: Time

  /// Since when there are no streams.
  var idleSince: NIODeadline?
  var idleTimer: Scheduled<Void>?
  var hasHadRequest = false
  var stallTimer: Scheduled<Void>?
  /// Since when the channel has written nothing.
  var unwrittenSince: NIODeadline?
  var drainTimer: Scheduled<Void>?
  var closeTimer: Scheduled<Void>?

  /// Told of a GOAWAY of the peer, with the last stream that it will serve.
  var goAwayReceived: ((HTTP2ErrorCode, _ lastStreamID: Int32) -> Void)?

  /// Told of the peer's first settings.
  var settingsReceived: (() -> Void)?

  init(_ role: Role, _ configuration: HTTP2Configuration) {
    do { try configuration.validate() } catch { preconditionFailure("\(error)") }
    self.role = role
    self.configuration = configuration
    flood = FloodGuard(configuration)
  }

  var isServer: Bool {
    if case .server = role { true } else { false }
  }

  var remoteAddress: SocketAddress? { context?.channel.remoteAddress }

  var now: NIODeadline { eventLoop?.now ?? .now() }

  /// Runs `task` in a later turn of the loop.
  func execute(_ task: @escaping () -> Void) {
    eventLoop?.assumeIsolated().execute(task)
  }

  func schedule(in time: TimeAmount, _ task: @escaping () -> Void) -> Scheduled<Void>? {
    eventLoop?.assumeIsolated().scheduleTask(in: time, task)
  }

  // MARK: Life

  func start(_ context: ChannelHandlerContext) {
    self.context = context
    eventLoop = context.eventLoop
    guard phase == .idle, context.channel.isActive else { return }
    phase = .open
    session.submit(settings, connectionWindow: configuration.connectionWindow)
    sendWaiting()
    becomeIdle()
    scheduleFlush()
  }

  private var settings: [(HTTP2Setting, Int)] {
    let common: [(HTTP2Setting, Int)] = [
      (.initialWindowSize, configuration.initialStreamWindow),
      (.maximumFrameSize, configuration.maximumFrameSize),
      (.maximumHeaderListSize, configuration.maximumHeaderListSize),
    ]
    guard isServer else { return common + [(.enablePush, 0)] }
    return common + [
      (.maximumConcurrentStreams, configuration.maximumConcurrentStreams),
      (.enableConnectProtocol, 1),
      // No tree of priorities that a peer could grow.
      (.noRFC7540Priorities, 1),
    ]
  }

  func receive(_ bytes: ByteBuffer) {
    // What was under way when this side ended the connection.
    guard phase == .open else { return }
    input = bytes
    do throws(HTTP2SessionError) {
      try session.receive(bytes)
    } catch {
      fail(violation ?? error.code)
    }
    input = ByteBuffer()
    // For bytes that no `channelReadComplete` follows, as those that another handler has kept.
    scheduleFlush()
  }

  // MARK: End

  /// Ends the connection because the peer broke a rule.
  func fail(_ code: HTTP2ErrorCode) {
    guard phase == .open else { return }
    endCode = code
    // Made by hand: nghttp2 may not be usable any more, and has a queue in front.
    var frame = ByteBuffer()
    frame.writeInteger(UInt32(8) << 8 | 0x7)
    frame.writeInteger(UInt8(0))
    frame.writeInteger(UInt32(0))
    frame.writeInteger(UInt32(session.lastProcessedStreamID))
    frame.writeInteger(code.rawValue)
    var output = OutputBatch()
    output.append(frame)
    phase = .closing
    write(output)
    finish()
  }

  /// Closes the channel when its last bytes have left, or ``HTTP2Configuration/closeTimeout`` later.
  func finish() {
    guard phase == .open || phase == .closing else { return }
    phase = .closing
    closeStreams()
    guard unwritten > 0 else { return abort() }
    closeTimer = schedule(in: configuration.closeTimeout) { self.abort() }
  }

  /// Closes the channel at once.
  func abort() {
    guard phase != .closed else { return }
    phase = .closing
    closeStreams()
    context?.close(mode: .all, promise: nil)
  }

  func removed() {
    transportClosed()
    context = nil
  }

  /// The channel is closed.
  func transportClosed() {
    guard phase != .closed else { return }
    phase = .closed
    for timer in [idleTimer, stallTimer, drainTimer, closeTimer] { timer?.cancel() }
    closeStreams()
  }

  private func closeStreams() {
    let ended = streams.values.sorted { $0.id < $1.id } + waiting.map(\.stream)
    streams = [:]
    waiting = []
    pendingBytes = 0
    for stream in ended { stream.finish(.connectionClosed(endCode)) }
  }
}

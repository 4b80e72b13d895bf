internal import DequeModule
internal import MartletCore
internal import MartletTLS
internal import NIOCore
internal import NIOPosix

/// One pipelined connection: replies come in the order of the commands.
///
/// Commands of one turn of the loop leave in one write. Confined to its event loop.
final class RedisConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// The most that may wait for replies.
  static let maximumPending = 100_000
  static let maximumPendingBytes = 64 << 20

  private struct Pending {
    var promise: EventLoopPromise<RedisValue>
    var sent: NIODeadline
    var size: Int
  }

  private let reader = RedisReplyReader()
  private let replyTimeout: TimeAmount
  private let onMessage: ((RedisValue) -> Void)?
  /// What TLS had to say of the peer.
  private(set) var failure: String?
  /// Called once, after all waiting commands have failed.
  var onClose: () -> Void = {}
  private var pending: Deque<Pending> = []
  private var pendingBytes = 0
  private var outbound = ByteBuffer()
  private var flushScheduled = false
  private var context: ChannelHandlerContext?
  private var watchdog: RepeatedTask?
  private var isClosed = false
  private var isFinished = false

  /// - Parameters:
  ///   - replyTimeout: a command that waits longer means that the server or the link is dead.
  ///   - onMessage: called with what subscribed channels bring; nil if none will be.
  init(replyTimeout: TimeAmount, onMessage: ((RedisValue) -> Void)? = nil) {
    self.replyTimeout = replyTimeout
    self.onMessage = onMessage
  }

  /// Opens this connection on `eventLoop`, to which it is confined from now on.
  ///
  /// - Parameter resolver: nil: the system's.
  func open(
    to server: RedisServer, tls: TLSContext?, on eventLoop: any EventLoop,
    resolver: (any Resolver & Sendable)? = nil
  ) -> EventLoopFuture<Void> {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    return ClientBootstrap(group: eventLoop)
      .resolver(resolver)
      .connectTimeout(min(replyTimeout, .seconds(5)))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls {
            try pipeline.addHandler(TLSHandler.client(tls, serverName: server.host))
          }
        }
      }
      .connect(host: server.host, port: server.port)
      .flatMapThrowing { try bound.value.opened($0) }
  }

  /// A host can have several addresses, of which each gets a channel: only the one that is connected counts.
  private func opened(_ channel: any Channel) throws {
    guard !isClosed else {
      channel.close(promise: nil)
      throw RedisError.connectionLost
    }
    try channel.pipeline.syncOperations.addHandler(self)
  }

  /// Whether commands can be sent. No more when it has ended, which ``onClose`` tells a little later.
  var isOpen: Bool { context != nil }

  /// Sends `command`; the promise gets its reply, ``RedisError/connectionLost``, or
  /// ``RedisError/overloaded`` if too much waits already.
  ///
  /// - Parameter incarnation: takes the place of ``RedisCommand/Argument/incarnation``.
  func send(
    _ command: RedisCommand, incarnation: String = "", promise: EventLoopPromise<RedisValue>
  ) {
    guard let context else { return promise.fail(RedisError.connectionLost) }
    guard pending.count < Self.maximumPending, pendingBytes < Self.maximumPendingBytes else {
      return promise.fail(RedisError.overloaded)
    }
    let start = outbound.writerIndex
    command.write(to: &outbound, incarnation: incarnation)
    let size = outbound.writerIndex - start
    pending.append(Pending(promise: promise, sent: .now(), size: size))
    pendingBytes += size
    guard !flushScheduled else { return }
    flushScheduled = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.execute { bound.value.flush() }
  }

  /// The same with a future; an error reply fails it with ``RedisError/refused(_:)``.
  func reply(
    to command: RedisCommand, on eventLoop: any EventLoop
  ) -> EventLoopFuture<RedisValue> {
    let promise = eventLoop.makePromise(of: RedisValue.self)
    send(command, promise: promise)
    return promise.futureResult.flatMapThrowing { try $0.accepted() }
  }

  /// One that is being opened will not open.
  func close() {
    isClosed = true
    context?.close(promise: nil)
  }

  private func flush() {
    flushScheduled = false
    guard let context, outbound.readableBytes > 0 else { return }
    let bytes = outbound
    outbound = ByteBuffer()
    context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
  }

  // MARK: ChannelInboundHandler

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let interval = TimeAmount.nanoseconds(max(replyTimeout.nanoseconds / 4, 1_000_000))
    watchdog = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) {
      _ in bound.value.checkOverdue()
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = unwrapInboundIn(data)
    do {
      try reader.feed(&buffer)
      while let value = try reader.next() {
        if let onMessage, Self.isMessage(value) {
          onMessage(value)
        } else if let next = pending.popFirst() {
          pendingBytes -= next.size
          next.promise.succeed(value)
        } else {
          throw RedisError.protocolViolation("a reply without a command")
        }
      }
    } catch {
      context.close(promise: nil)
    }
  }

  /// What a channel brings answers no command.
  private static func isMessage(_ value: RedisValue) -> Bool {
    guard case .array(let elements) = value, elements.count == 3,
      case .string(let kind) = elements[0], kind.readableBytes == 7
    else { return false }
    return kind.readableBytesView.elementsEqual("message".utf8)
  }

  func channelInactive(context: ChannelHandlerContext) {
    finish()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    finish()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Worth more than that the connection is gone.
    if let error = error as? TLSError { failure = "\(error)" }
    context.close(promise: nil)
  }

  private func checkOverdue() {
    guard let oldest = pending.first, NIODeadline.now() - oldest.sent > replyTimeout else { return }
    context?.close(promise: nil)
  }

  private func finish() {
    guard !isFinished else { return }
    isFinished = true
    context = nil
    watchdog?.cancel()
    while let next = pending.popFirst() {
      next.promise.fail(RedisError.connectionLost)
    }
    onClose()
  }
}

internal import DequeModule
internal import MartletCore
internal import NIOCore
internal import NIOPosix

/// One pipelined connection: replies come in the order of the commands.
///
/// Commands of one turn of the loop leave in one write. Confined to its event loop.
final class RedisConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private struct Pending {
    var promise: EventLoopPromise<RedisValue>
    var sent: NIODeadline
  }

  private let reader = RedisReplyReader()
  private let replyTimeout: TimeAmount
  private let onClose: () -> Void
  private var pending: Deque<Pending> = []
  private var outbound = ByteBuffer()
  private var flushScheduled = false
  private var context: ChannelHandlerContext?
  private var watchdog: RepeatedTask?

  /// - Parameters:
  ///   - replyTimeout: a command that waits longer means that the server or the link is dead.
  ///   - onClose: called once, after all waiting commands have failed.
  init(replyTimeout: TimeAmount, onClose: @escaping () -> Void) {
    self.replyTimeout = replyTimeout
    self.onClose = onClose
  }

  /// Opens a connection on `eventLoop`, which the returned one is confined to.
  static func connect(
    to server: RedisServer, on eventLoop: any EventLoop, replyTimeout: TimeAmount,
    onClose: @escaping () -> Void
  ) -> EventLoopFuture<NIOLoopBound<RedisConnection>> {
    let connection = NIOLoopBound(
      RedisConnection(replyTimeout: replyTimeout, onClose: onClose), eventLoop: eventLoop)
    return ClientBootstrap(group: eventLoop)
      .connectTimeout(min(replyTimeout, .seconds(5)))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(connection.value)
        }
      }
      .connect(host: server.host, port: server.port)
      .map { _ in connection }
  }

  /// Sends `command`; the promise gets its reply, or ``RedisError/connectionLost``.
  func send(_ command: RedisCommand, promise: EventLoopPromise<RedisValue>) {
    guard let context else { return promise.fail(RedisError.notConnected) }
    command.write(to: &outbound)
    pending.append(Pending(promise: promise, sent: .now()))
    guard !flushScheduled else { return }
    flushScheduled = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.execute { bound.value.flush() }
  }

  func close() {
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
        guard let next = pending.popFirst() else {
          throw RedisError.protocolViolation("a reply without a command")
        }
        next.promise.succeed(value)
      }
    } catch {
      context.close(promise: nil)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    finish()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    finish()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func checkOverdue() {
    guard let oldest = pending.first, NIODeadline.now() - oldest.sent > replyTimeout else { return }
    context?.close(promise: nil)
  }

  private func finish() {
    guard context != nil else { return }
    context = nil
    watchdog?.cancel()
    while let next = pending.popFirst() {
      next.promise.fail(RedisError.connectionLost)
    }
    onClose()
  }
}

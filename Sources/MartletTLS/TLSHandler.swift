package import NIOCore

/// TLS for one channel: ciphertext towards the socket, plaintext towards the application.
///
/// - Bytes written before the handshake ends leave after it, in order. A write's promise completes
///   when its ciphertext has been written.
/// - ``TLSHandshakeCompleted`` is fired once, before the first plaintext.
/// - A failure fires one ``TLSError`` and closes the channel; so does an end of the transport without
///   close_notify.
/// - `close` sends close_notify first and waits for it to leave, up to ``closeTimeout``; writes that
///   were not flushed fail. `close(mode: .output)` sends close_notify and goes on reading.
/// - The peer's close_notify closes the channel, after all that came before it was delivered.
///
/// There is no time limit for the handshake; that belongs to whoever opens or accepts connections.
/// Confined to the channel's event loop.
package final class TLSHandler: ChannelDuplexHandler {
  package typealias InboundIn = ByteBuffer
  package typealias InboundOut = ByteBuffer
  package typealias OutboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer

  /// A peer that does not read keeps a closing channel open for this long.
  package static let closeTimeout = TimeAmount.seconds(5)

  private let session: TLSSession
  private var state = ConnectionState()
  private var pending = PendingWrites()
  /// The application asked for bytes and got none yet.
  private var readIsWanted = false
  private var outputClosePromise: EventLoopPromise<Void>?
  /// From the beginning of a close to the end of the channel.
  private var closer: ChannelCloser?

  private init(_ session: consuming TLSSession) {
    self.session = session
  }

  /// The side that opens a connection.
  ///
  /// - Parameters:
  ///   - context: made by ``TLSContext/client(_:)``.
  ///   - serverName: whom the server's certificate must name: a host name or an IP address.
  ///   - ticket: of an earlier connection to the same server; it saves a full handshake if the server takes it.
  /// - Throws: ``TLSError/configuration(file:problem:)`` if `serverName` is neither.
  package static func client(
    _ context: TLSContext, serverName: String, resuming ticket: TLSTicket? = nil
  ) throws(TLSError) -> TLSHandler {
    precondition(context.role == .client, "a client needs a client's context")
    let session = TLSSession(context)
    try session.expect(serverName: serverName)
    if let ticket { session.offer(ticket) }
    return TLSHandler(session)
  }

  /// The side that accepts a connection.
  ///
  /// - Parameter context: made by ``TLSContext/server(_:)``.
  package static func server(_ context: TLSContext) -> TLSHandler {
    precondition(context.role == .server, "a server needs a server's context")
    return TLSHandler(TLSSession(context))
  }

  /// What a client needs to come back to this server without a full handshake; nil: nothing has come, or not yet.
  package var ticket: TLSTicket? { session.ticket() }

  /// What the session has allocated for ciphertext.
  var bufferedCapacity: Int { session.bufferedCapacity }

  // MARK: Life

  package func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { start(context) }
  }

  package func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    start(context)
  }

  private func start(_ context: ChannelHandlerContext) {
    guard state.phase == .idle else { return }
    state.phase = .handshaking
    shakeHands(context)
    // The handshake needs bytes before the application asks for any.
    context.read()
  }

  package func channelInactive(context: ChannelHandlerContext) {
    let error = state.errorOfEnd
    becomeClosed()
    failPending(error ?? ChannelError.ioOnClosedChannel)
    if let error { context.fireErrorCaught(error) }
    context.fireChannelInactive()
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    becomeClosed()
    failPending(ChannelError.ioOnClosedChannel)
  }

  private func becomeClosed() {
    state.phase = .closed
    closer?.channelClosed()
    closer = nil
  }

  private func failPending(_ error: any Error) {
    for write in pending.takeAll() { write.promise?.fail(error) }
    outputClosePromise?.fail(error)
    outputClosePromise = nil
  }

  // MARK: Inbound

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let ciphertext = unwrapInboundIn(data)
    switch (state.phase, state.input) {
    case (.handshaking, .open):
      session.receive(ciphertext)
      shakeHands(context)
    case (.open, .open):
      session.receive(ciphertext)
      deliver(context)
    // Bytes that were under way when one of the sides closed.
    default: break
    }
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    context.fireChannelReadComplete()
    if state.phase == .open, state.input == .closedByPeer {
      close(context, error: nil)
    } else if state.phase == .handshaking || (state.phase == .open && readIsWanted) {
      // The bytes that came were of no use to the application, which does not ask again.
      context.read()
    }
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // TLS has an end of its own; without it, that of the transport cuts something off.
    if event as? ChannelEvent == .inputClosed, let error = state.errorOfEnd {
      close(context, error: error)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  private func shakeHands(_ context: ChannelHandlerContext) {
    let progress = session.handshake()
    if case .failed(let reason) = progress { return close(context, error: .handshake(reason)) }
    guard progress == .finished else { return sendOutput(context) }
    state.phase = .open
    // The last flight and what has waited for it leave together.
    sendFlushed(context)
    if state.output == .closesAfterHandshake {
      closeOutput(context, outputClosePromise.take())
    }
    guard state.phase == .open else { return }
    context.fireUserInboundEventTriggered(session.handshakeResult)
    // Application bytes may have come along with the last of the handshake.
    if state.phase == .open { deliver(context) }
  }

  private func deliver(_ context: ChannelHandlerContext) {
    var plaintext = ByteBuffer()
    let end = session.decrypt(into: &plaintext)
    if end == .closeNotify { state.input = .closedByPeer }
    if plaintext.readableBytes > 0 {
      readIsWanted = false
      context.fireChannelRead(wrapInboundOut(plaintext))
    }
    if case .failed(let reason) = end, state.phase == .open {
      close(context, error: .connection(reason))
    }
  }

  // MARK: Outbound

  package func read(context: ChannelHandlerContext) {
    readIsWanted = true
    context.read()
  }

  package func write(
    context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
  ) {
    if let error = state.writeError {
      promise?.fail(error)
    } else {
      pending.append(unwrapOutboundIn(data), promise: promise)
    }
  }

  package func flush(context: ChannelHandlerContext) {
    pending.flush()
    if state.phase == .open { sendFlushed(context) }
  }

  /// Sends what the session has made of its own accord.
  private func sendOutput(_ context: ChannelHandlerContext) {
    let ciphertext = session.takeOutput()
    guard ciphertext.readableBytes > 0 else { return }
    context.writeAndFlush(wrapOutboundOut(ciphertext), promise: nil)
  }

  /// Sends all that was flushed in one write, behind what the session has made of its own accord.
  private func sendFlushed(_ context: ChannelHandlerContext) {
    let writes = pending.takeFlushed()
    guard !writes.isEmpty else { return sendOutput(context) }
    let promise = writes.joinedPromise(on: context.eventLoop)
    do throws(TLSError) {
      try session.encrypt(writes)
    } catch {
      close(context, error: error)
      promise?.fail(error)
      return
    }
    context.writeAndFlush(wrapOutboundOut(session.takeOutput()), promise: promise)
  }

  // MARK: Closing

  package func close(
    context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
  ) {
    switch (mode, state.phase) {
    case (.all, .open): close(context, error: nil, promise)
    case (.all, .closing): closer?.join(promise)
    case (.all, .idle), (.all, .handshaking):
      becomeClosed()
      failPending(ChannelError.ioOnClosedChannel)
      context.close(mode: .all, promise: promise)
    case (.output, .open) where state.output == .open:
      closeOutput(context, promise)
    case (.output, .idle) where state.output == .open,
      (.output, .handshaking) where state.output == .open:
      state.output = .closesAfterHandshake
      outputClosePromise = promise
    case (.output, .idle), (.output, .handshaking), (.output, .open):
      promise?.fail(ChannelError.outputClosed)
    case (.input, _):
      if state.input == .open { state.input = .closedHere }
      context.close(mode: .input, promise: promise)
    case (.output, .closing), (_, .closed):
      context.close(mode: mode, promise: promise)
    }
  }

  /// Sends close_notify, and then the end of this side's half of the transport.
  private func closeOutput(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
    state.output = .closed
    let unsent = pending.takeAll()
    session.shutdown()
    sendLast(context).assumeIsolated().whenComplete { result in
      switch result {
      case .success: context.close(mode: .output, promise: promise)
      case .failure(let error): promise?.fail(error)
      }
    }
    for write in unsent { write.promise?.fail(ChannelError.outputClosed) }
  }

  /// Sends close_notify, or the alert that the session has made of `error`, and closes the channel
  /// once that has left.
  private func close(
    _ context: ChannelHandlerContext, error: TLSError?, _ promise: EventLoopPromise<Void>? = nil
  ) {
    if state.owesCloseNotify(after: error) { session.shutdown() }
    state.phase = .closing
    let closer = ChannelCloser(context)
    self.closer = closer
    closer.join(promise)
    failPending(error ?? ChannelError.ioOnClosedChannel)
    if let error { context.fireErrorCaught(error) }
    closer.close(after: sendLast(context), within: Self.closeTimeout)
  }

  /// Sends what the session still has to say; completes when that has left behind all that went before.
  private func sendLast(_ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
    let sent = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(session.takeOutput()), promise: sent)
    return sent.futureResult
  }
}

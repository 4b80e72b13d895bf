internal import NIOCore

/// A whole connection as a ``ByteStream``: what is left of a channel when HTTP/1.1 has handed it over.
///
/// Takes all that comes from the peer; handlers behind it get nothing any more. Confined to its channel's event loop.
final class SocketStream: ChannelInboundHandler, ByteStream {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// What waits while the channel changes hands.
  private final class Handover {
    var received = ByteBuffer()
    /// Leaves with ``release()``; nil behind it.
    var unsent: ByteBuffer?
  }

  var delegate: (any ByteStreamDelegate)?
  private let channel: any Channel
  private var writer: SocketWriter
  private var context: ChannelHandlerContext?
  private var endsWhenWritten = false
  private var endsOutputWhenWritten = false
  /// Nil behind ``begin(with:)``.
  private var handover: Handover? = Handover()

  /// Nothing that was given to the channel before may still be there, or it would be overtaken.
  ///
  /// - Parameter isPlain: whether the socket carries the bytes as they are, without TLS.
  init(_ channel: any Channel, isPlain: Bool) {
    self.channel = channel
    writer = isPlain ? SocketWriter(channel) : .throughNIO
  }

  var eventLoop: any EventLoop { channel.eventLoop }
  var remoteAddress: SocketAddress? { channel.remoteAddress }
  var pendingBytes: Int { writer.pendingBytes }
  var ownPendingBytes: Int { pendingBytes }

  /// Passes on what has come, behind `bytes` that came before.
  func begin(with bytes: ByteBuffer) {
    var bytes = bytes
    if let handover { bytes.writeImmutableBuffer(handover.received) }
    handover = nil
    if bytes.readableBytes > 0 { delegate?.received(bytes) }
  }

  // MARK: Sending

  @inline(__always)
  func write(_ bytes: ByteBuffer) {
    guard handover?.unsent == nil else { return keep(bytes) }
    guard case .some(let rest) = writer.sendNow(bytes) else { return }
    writeLater(rest)
  }

  /// What is written from now on leaves with ``release()``, behind `bytes` and in one write.
  func hold(behind bytes: ByteBuffer) {
    handover?.unsent = bytes
  }

  private func keep(_ bytes: ByteBuffer) {
    handover?.unsent?.writeImmutableBuffer(bytes)
  }

  func release() {
    guard let bytes = handover?.unsent else { return }
    handover?.unsent = nil
    write(bytes)
    endIfWritten()
  }

  private func writeLater(_ bytes: ByteBuffer) {
    guard let context else { return }
    let count = bytes.readableBytes
    writer.handedToNIO(count)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    context.writeAndFlush(wrapOutboundOut(bytes)).whenComplete { result in
      bound.value.written(count, result)
    }
  }

  private func written(_ count: Int, _ result: Result<Void, any Error>) {
    writer.writtenByNIO(count)
    // The channel closes, and its descriptor is closed before anybody is told.
    if case .failure = result { writer.close() }
    endIfWritten()
  }

  func setReading(_ isReading: Bool) {
    channel.setOption(.autoRead, value: isReading).whenFailure { _ in }
  }

  func endOutput() {
    guard !endsOutputWhenWritten else { return }
    endsOutputWhenWritten = true
    endIfWritten()
  }

  func end() {
    endsWhenWritten = true
    endIfWritten()
  }

  private func endIfWritten() {
    guard writer.pendingBytes == 0, handover?.unsent == nil else { return }
    if endsWhenWritten {
      abort()
    } else if endsOutputWhenWritten {
      channel.close(mode: .output, promise: nil)
    }
  }

  func abort() {
    channel.close(promise: nil)
  }

  // MARK: ChannelInboundHandler

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    finish()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if let handover {
      handover.received.writeImmutableBuffer(unwrapInboundIn(data))
    } else {
      delegate?.received(unwrapInboundIn(data))
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event as? ChannelEvent == .inputClosed { delegate?.receivedEnd() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    finish()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func finish() {
    writer.close()
    delegate?.closed()
    delegate = nil
  }
}

internal import NIOCore

/// A whole connection as a ``ByteStream``: what is left of a channel when HTTP/1.1 has handed it over.
///
/// Takes all that comes from the peer; handlers behind it get nothing any more. Confined to its channel's event loop.
final class SocketStream: ChannelInboundHandler, ByteStream {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  var delegate: (any ByteStreamDelegate)?
  private let channel: any Channel
  private var writer: SocketWriter
  private var context: ChannelHandlerContext?
  private var endsWhenWritten = false
  private var endsOutputWhenWritten = false
  /// What has come before ``begin(with:)``; nil behind it.
  private var early: ByteBuffer? = ByteBuffer()

  /// - Parameters:
  ///   - isPlain: whether the socket carries the bytes as they are, without TLS.
  ///   - earlier: completes when all that was given to the channel before has been written. What a peer is slow to take may
  ///     still be there, and nothing must overtake it.
  init(_ channel: any Channel, isPlain: Bool, behind earlier: EventLoopFuture<Void>) {
    self.channel = channel
    writer = isPlain ? SocketWriter(channel) : SocketWriter(throughNIO: channel)
    // As if it were one byte: how many there are is not known.
    writer.handedToNIO(1)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    earlier.whenComplete { _ in bound.value.written(1) }
  }

  var eventLoop: any EventLoop { channel.eventLoop }
  var remoteAddress: SocketAddress? { channel.remoteAddress }
  var pendingBytes: Int { writer.pendingBytes }
  var ownPendingBytes: Int { pendingBytes }

  /// Passes on what has come, behind `bytes` that came before.
  func begin(with bytes: ByteBuffer) {
    var bytes = bytes
    if let early { bytes.writeImmutableBuffer(early) }
    early = nil
    if bytes.readableBytes > 0 { delegate?.received(bytes) }
  }

  // MARK: Sending

  @inline(__always)
  func write(_ bytes: ByteBuffer) {
    guard case .some(let rest) = writer.sendNow(bytes) else { return }
    writeLater(rest)
  }

  private func writeLater(_ bytes: ByteBuffer) {
    guard let context else { return }
    let count = bytes.readableBytes
    writer.handedToNIO(count)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    context.writeAndFlush(wrapOutboundOut(bytes)).whenComplete { _ in
      bound.value.written(count)
    }
  }

  private func written(_ count: Int) {
    writer.writtenByNIO(count)
    guard writer.pendingBytes == 0 else { return }
    if endsWhenWritten { abort() } else if endsOutputWhenWritten { closeOutput() }
  }

  func setReading(_ isReading: Bool) {
    channel.setOption(.autoRead, value: isReading).whenFailure { _ in }
  }

  func endOutput() {
    guard !endsOutputWhenWritten else { return }
    endsOutputWhenWritten = true
    if writer.pendingBytes == 0 { closeOutput() }
  }

  private func closeOutput() {
    channel.close(mode: .output, promise: nil)
  }

  func end() {
    endsWhenWritten = true
    if writer.pendingBytes == 0 { abort() }
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
    guard early == nil else {
      early?.writeImmutableBuffer(unwrapInboundIn(data))
      return
    }
    delegate?.received(unwrapInboundIn(data))
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
    delegate?.closed()
    delegate = nil
  }
}

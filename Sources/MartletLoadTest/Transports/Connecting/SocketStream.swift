import MartletTLS
import NIOCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A socket of one client, plain or behind TLS. Confined to its channel's event loop.
///
/// While nothing is pending in NIO, a plain socket is written directly, without a turn through NIO's queue. Order holds, because
/// this stays behind NIO until NIO has written everything.
final class SocketStream: ChannelInboundHandler, ClientByteStream {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let isPlain: Bool
  private let receiveBuffer: SharedReceiveBuffer
  /// Let go of at the end.
  private var owner: (any ByteStreamOwner)?
  private var context: ChannelHandlerContext?
  private var isConnected = false
  /// -1 if the socket cannot be written directly.
  private var descriptor: CInt = -1
  /// Written and not flushed.
  private var output = ByteBuffer()
  /// Bytes that NIO has and has not written.
  private var unwritten = 0
  private var endsWhenWritten = false

  init(_ owner: any ByteStreamOwner, isPlain: Bool, receiveBuffer: SharedReceiveBuffer) {
    self.owner = owner
    self.isPlain = isPlain
    self.receiveBuffer = receiveBuffer
  }

  // MARK: ClientByteStream

  func write(_ bytes: ByteBuffer) {
    if output.readableBytes == 0 { output = bytes } else { output.writeImmutableBuffer(bytes) }
  }

  func flush() {
    guard output.readableBytes > 0, let context else { return }
    var bytes = output
    output = ByteBuffer()
    if unwritten == 0, descriptor >= 0 {
      let sent = unsafe bytes.withUnsafeReadableBytes {
        unsafe Self.send(descriptor, $0.baseAddress, $0.count)
      }
      // Refused or short; an error of the socket shows again when NIO writes.
      bytes.moveReaderIndex(forwardBy: max(sent, 0))
      guard bytes.readableBytes > 0 else { return }
    }
    let count = bytes.readableBytes
    unwritten += count
    context.writeAndFlush(wrapOutboundOut(bytes)).assumeIsolated().whenComplete { _ in
      self.unwritten -= count
      if self.endsWhenWritten, self.unwritten == 0 { self.closeChannel() }
    }
  }

  @inline(__always)
  private static func send(_ descriptor: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Glibc)
      unsafe Glibc.send(descriptor, bytes, count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
    #else
      unsafe Darwin.send(descriptor, bytes, count, MSG_DONTWAIT)
    #endif
  }

  func setReading(_ reading: Reading) {
    // Fails for a channel that is closed.
    try? context?.channel.syncOptions?.setOption(
      .autoRead, value: reading == .atOnce || reading == .onDemand && descriptor < 0)
  }

  /// A plain socket directly, like writes: to ask NIO for it takes two more system calls.
  func read() {
    guard let context else { return }
    var isFull = true
    while isFull, descriptor >= 0 {
      var bytes = receiveBuffer.lend(context.channel.allocator)
      let count = unsafe bytes.writeWithUnsafeMutableBytes(
        minimumWritableBytes: SharedReceiveBuffer.size
      ) { unsafe max(0, Self.receive(descriptor, $0.baseAddress, $0.count)) }
      // Nothing: there is nothing, or an end or an error, which NIO finds by itself.
      if count > 0 { owner?.streamDidReceive(bytes) }
      isFull = count >= SharedReceiveBuffer.size
      receiveBuffer.giveBack(bytes)
    }
  }

  @inline(__always)
  private static func receive(
    _ descriptor: CInt, _ bytes: UnsafeMutableRawPointer?, _ count: Int
  ) -> Int {
    #if canImport(Glibc)
      unsafe Glibc.recv(descriptor, bytes, count, CInt(MSG_DONTWAIT))
    #else
      unsafe Darwin.recv(descriptor, bytes, count, MSG_DONTWAIT)
    #endif
  }

  func end() {
    flush()
    endsWhenWritten = true
    if unwritten == 0 { closeChannel() }
  }

  func abort() {
    owner = nil
    closeChannel()
  }

  private func closeChannel() {
    // It may be another connection's at any time from now on.
    descriptor = -1
    context?.channel.close(promise: nil)
  }

  // MARK: ChannelInboundHandler

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    descriptor = -1
    self.context = nil
    owner = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    if isPlain {
      let handle = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
        of: NIOBSDSocket.Handle.self
      ) { $0 }
      descriptor = handle ?? -1
      connected()
    }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is TLSHandshakeCompleted { connected() }
    context.fireUserInboundEventTriggered(event)
  }

  private func connected() {
    // It may have been given up before there was anything to close.
    guard let owner else { return closeChannel() }
    isConnected = true
    owner.streamDidConnect()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    owner?.streamDidReceive(bytes)
    receiveBuffer.giveBack(bytes)
  }

  func channelInactive(context: ChannelHandlerContext) {
    descriptor = -1
    end(with: "the server closed the connection")
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end(with: ConnectError.describe(error))
    closeChannel()
  }

  private func end(with reason: String) {
    let owner = owner
    self.owner = nil
    owner?.streamDidEnd(isConnected ? .lost(reason) : .connectFailed(reason))
  }
}

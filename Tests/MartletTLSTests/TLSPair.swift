import NIOCore
import NIOEmbedded

@testable import MartletTLS

/// A client and a server without sockets: what one writes, ``pump(pieces:)`` gives to the other.
final class TLSPair {
  /// One of the two.
  final class Side {
    let channel = EmbeddedChannel()
    let handler: TLSHandler
    let journal = Journal()
    fileprivate let transport = Transport()
    /// All that it has sent.
    fileprivate(set) var sent = ByteBuffer()

    fileprivate init(
      _ handler: TLSHandler, react: @escaping (Journal.Entry, any Channel) -> Void
    ) throws {
      self.handler = handler
      try channel.pipeline.syncOperations.addHandlers(
        [transport, handler, JournalHandler(journal, react: react)])
    }

    var isOpen: Bool { channel.isActive }
    /// How often bytes were asked of the transport.
    var reads: Int { transport.reads }

    /// Writes without a flush.
    @discardableResult func write(_ text: String) -> EventLoopFuture<Void> {
      channel.write(ByteBuffer(string: text))
    }

    @discardableResult func send(_ text: String) -> EventLoopFuture<Void> {
      channel.writeAndFlush(ByteBuffer(string: text))
    }

    /// Ends the transport as if the peer or the network had.
    func cut() {
      transport.cut()
      channel.embeddedEventLoop.run()
    }

    /// Writes of this side do not complete before ``release()``.
    func hold() {
      transport.isHolding = true
    }

    func release() {
      transport.release()
    }

    func receive(_ bytes: ByteBuffer) throws {
      if isOpen { try channel.writeInbound(bytes) }
    }

    /// The next buffer for the peer.
    func takeSent() throws -> ByteBuffer? {
      channel.embeddedEventLoop.run()
      guard let buffer = try channel.readOutbound(as: ByteBuffer.self) else { return nil }
      sent.writeImmutableBuffer(buffer)
      return buffer
    }
  }

  let client: Side
  let server: Side

  init(
    _ clientContext: TLSContext, _ serverContext: TLSContext, serverName: String = "localhost",
    resuming ticket: TLSTicket? = nil,
    client: @escaping (Journal.Entry, any Channel) -> Void = { _, _ in },
    server: @escaping (Journal.Entry, any Channel) -> Void = { _, _ in }
  ) throws {
    self.client = try Side(
      .client(clientContext, serverName: serverName, resuming: ticket), react: client)
    self.server = try Side(.server(serverContext), react: server)
  }

  /// A client of localhost, and a server's handler.
  init(_ clientContext: TLSContext, handler: TLSHandler) throws {
    client = try Side(.client(clientContext, serverName: "localhost"), react: { _, _ in })
    server = try Side(handler, react: { _, _ in })
  }

  /// A pair that trusts each other.
  convenience init(
    newestVersion: TLSVersion = .tls13,
    client: @escaping (Journal.Entry, any Channel) -> Void = { _, _ in },
    server: @escaping (Journal.Entry, any Channel) -> Void = { _, _ in }
  ) throws {
    try self.init(
      .testClient(newestVersion: newestVersion), .testServer(), client: client, server: server)
  }

  /// Connects the transports, and shakes hands.
  func connect(pieces size: Int = .max) throws {
    try activate()
    try pump(pieces: size)
  }

  /// Connects the transports; nothing arrives before ``pump(pieces:)``.
  func activate() throws {
    for side in [server, client] {
      try side.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }
  }

  /// Carries bytes, in pieces of `size`, until both are silent, and the end of one to the other.
  func pump(pieces size: Int = .max) throws {
    var isMoving = true
    while isMoving {
      isMoving = false
      for (from, to) in [(client, server), (server, client)] {
        while var bytes = try from.takeSent() {
          isMoving = true
          while let piece = bytes.readSlice(length: min(size, bytes.readableBytes)),
            piece.readableBytes > 0
          {
            try to.receive(piece)
          }
        }
        if !from.isOpen, to.isOpen {
          isMoving = true
          to.cut()
        }
      }
    }
  }
}

/// Stands where the socket would be.
private final class Transport: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer

  private(set) var reads = 0
  var isHolding = false
  private var held: [(data: NIOAny, promise: EventLoopPromise<Void>?)] = []
  private var context: ChannelHandlerContext?

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    for write in held { write.promise?.fail(ChannelError.ioOnClosedChannel) }
  }

  func read(context: ChannelHandlerContext) {
    reads += 1
    context.read()
  }

  func write(
    context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
  ) {
    if isHolding {
      held.append((data, promise))
    } else {
      context.write(data, promise: promise)
    }
  }

  func cut() {
    context?.close(promise: nil)
  }

  func release() {
    isHolding = false
    for write in held { context?.write(write.data, promise: write.promise) }
    held = []
    context?.flush()
  }
}

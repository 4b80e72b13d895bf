import MartletHTTP2
import MartletTLS
import MartletTestSupport
import MartletWebSocket
import NIOCore
import NIOHTTP1
import NIOPosix

/// What carries a WebSocket.
enum EchoTransport: Sendable, CustomStringConvertible {
  case plain
  /// With the authority's file.
  case tls(authority: String)
  /// WebSockets on one connection of HTTP/2 (RFC 8441), by prior knowledge or behind TLS.
  case http2(HTTP2EchoConnection)

  var description: String {
    switch self {
    case .plain: "plain"
    case .tls: "TLS"
    case .http2: "HTTP/2"
    }
  }
}

/// The client's end of one WebSocket to `/echo`: sends what it is told, right or wrong.
final class EchoConnection: Sendable {
  /// For all that a case may have to wait for.
  private static let patience = TimeAmount.seconds(AutobahnPlayer.isFull ? 600 : 60)

  private let eventLoop: any EventLoop
  private let receiver: NIOLoopBound<EchoReceiver>
  private let write: @Sendable (ByteBuffer) -> Void
  private let abort: @Sendable () -> Void

  fileprivate init(
    _ eventLoop: any EventLoop, _ receiver: NIOLoopBound<EchoReceiver>,
    write: @escaping @Sendable (ByteBuffer) -> Void, abort: @escaping @Sendable () -> Void
  ) {
    self.eventLoop = eventLoop
    self.receiver = receiver
    self.write = write
    self.abort = abort
  }

  static func open(
    port: Int, over transport: EchoTransport = .plain, offers: [PermessageDeflate.Offer] = []
  ) async throws -> EchoConnection {
    switch transport {
    case .plain: try await http1(port: port, tls: nil, offers)
    case .tls(let authority):
      try await http1(
        port: port,
        tls: TLSContext.client(
          TLSClientConfiguration(
            certificateAuthorityFile: authority, applicationProtocols: ["http/1.1"])), offers)
    case .http2(let connection): try await connection.open(offers)
    }
  }

  /// Sends bytes in parts, each of which goes to the socket by itself.
  func send(_ bytes: [UInt8], part: Int = .max) {
    eventLoop.execute { [write] in
      var rest = ByteBuffer(bytes: bytes)
      while let next = rest.readSlice(length: min(part, rest.readableBytes)),
        next.readableBytes > 0
      {
        write(next)
      }
    }
  }

  /// What has come when there are so many events, or the server has ended the connection.
  func record(events count: Int) async throws -> EchoRecord {
    try await record { $0.events.count >= count || $0.isEnded }
  }

  /// What has come when the server has ended the connection.
  func record() async throws -> EchoRecord {
    let record = try await record { $0.isEnded }
    abort()
    return record
  }

  private func record(
    _ isReady: @escaping @Sendable (EchoRecord) -> Bool
  ) async throws -> EchoRecord {
    try await eventLoop.flatSubmit { [eventLoop, receiver] in
      let timeout = eventLoop.scheduleTask(in: Self.patience) { receiver.value.giveUp() }
      let future = receiver.value.wait(eventLoop, isReady)
      future.whenComplete { _ in timeout.cancel() }
      return future
    }.get()
  }

  /// What was negotiated; nil: no compression.
  func parameters() async throws -> PermessageDeflate.Parameters? {
    try await eventLoop.submit { [receiver] in receiver.value.parameters }.get()
  }

  // MARK: HTTP/1.1

  private static func http1(
    port: Int, tls: TLSContext?, _ offers: [PermessageDeflate.Offer]
  ) async throws -> EchoConnection {
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let opening = eventLoop.makePromise(of: Void.self)
    let channel = try await ClientBootstrap(group: eventLoop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls { try pipeline.addHandler(TLSHandler.client(tls, serverName: "localhost")) }
          try pipeline.addHandler(
            HTTP1EchoHandler(EchoReceiver(offers.first, opening)))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    let receiver = try await eventLoop.submit {
      let handler = try channel.pipeline.syncOperations.handler(type: HTTP1EchoHandler.self)
      return NIOLoopBound(handler.receiver, eventLoop: eventLoop)
    }.get()
    var request = "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    request += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    request += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    for offer in offers { request += "Sec-WebSocket-Extensions: \(offer.field)\r\n" }
    channel.writeAndFlush(ByteBuffer(string: request + "\r\n"), promise: nil)
    try await opening.futureResult.get()
    return EchoConnection(
      eventLoop, receiver, write: { channel.writeAndFlush($0, promise: nil) },
      abort: { channel.close(promise: nil) })
  }
}

/// Reads the answer to the handshake, and passes on what follows.
private final class HTTP1EchoHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  let receiver: EchoReceiver
  private var head: ByteBuffer? = ByteBuffer()

  init(_ receiver: EchoReceiver) {
    self.receiver = receiver
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    guard var head else { return receiver.received(bytes) }
    head.writeImmutableBuffer(bytes)
    self.head = head
    guard let end = head.readableBytesView.firstRange(of: "\r\n\r\n".utf8) else { return }
    self.head = nil
    let length = end.upperBound - head.readerIndex
    let lines = (head.readString(length: length) ?? "").split(separator: "\r\n")
    let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    let name = "sec-websocket-extensions:"
    let field = lines.first { $0.lowercased().hasPrefix(name) }
    receiver.opened(status: status, extensions: field.map { String($0.dropFirst(name.count)) })
    if head.readableBytes > 0 { receiver.received(head) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    receiver.ended()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    receiver.failed("\(error)")
    context.close(promise: nil)
  }
}

/// A connection of HTTP/2 on which every WebSocket is a stream.
final class HTTP2EchoConnection: Sendable {
  private let channel: any Channel
  private let handler: NIOLoopBound<HTTP2ClientHandler>

  private init(_ channel: any Channel, _ handler: NIOLoopBound<HTTP2ClientHandler>) {
    self.channel = channel
    self.handler = handler
  }

  /// - Parameter authority: the file of the server's authority; nil: by prior knowledge.
  static func connect(port: Int, authority: String?) async throws -> HTTP2EchoConnection {
    let tls = try authority.map {
      try TLSContext.client(
        TLSClientConfiguration(certificateAuthorityFile: $0, applicationProtocols: ["h2"]))
    }
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls { try pipeline.addHandler(TLSHandler.client(tls, serverName: "localhost")) }
          try pipeline.addHandler(HTTP2ClientHandler())
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    let handler = try await channel.eventLoop.submit {
      NIOLoopBound(
        try channel.pipeline.syncOperations.handler(type: HTTP2ClientHandler.self),
        eventLoop: channel.eventLoop)
    }.get()
    return HTTP2EchoConnection(channel, handler)
  }

  /// Whether the server still serves the connection.
  var isOpen: Bool { channel.isActive }

  func close() async {
    try? await channel.close().get()
  }

  func open(_ offers: [PermessageDeflate.Offer]) async throws -> EchoConnection {
    let eventLoop = channel.eventLoop
    let opening = eventLoop.makePromise(of: Void.self)
    let (receiver, stream) = try await eventLoop.submit { [handler] in
      let receiver = EchoReceiver(offers.first, opening)
      var headers = HTTPHeaders()
      for offer in offers { headers.add(name: "sec-websocket-extensions", value: offer.field) }
      let stream = handler.value.request(
        .webSocket(authority: "localhost", path: "/echo", headers: headers),
        delegate: HTTP2EchoDelegate(receiver))
      return (
        NIOLoopBound(receiver, eventLoop: eventLoop), NIOLoopBound(stream, eventLoop: eventLoop)
      )
    }.get()
    try await opening.futureResult.get()
    return EchoConnection(
      eventLoop, receiver, write: { stream.value.write($0) },
      abort: { eventLoop.execute { stream.value.reset() } })
  }
}

private final class HTTP2EchoDelegate: HTTP2ClientStreamDelegate {
  private let receiver: EchoReceiver

  init(_ receiver: EchoReceiver) {
    self.receiver = receiver
  }

  func received(_ head: HTTP2ResponseHead) {
    receiver.opened(
      status: Int(head.status.code),
      extensions: head.headers.first(name: "sec-websocket-extensions"))
  }

  func received(_ bytes: ByteBuffer) {
    receiver.received(bytes)
  }

  func receivedEnd() {}

  func closed(_ reason: HTTP2StreamClosure) {
    switch reason {
    case .finished, .resetByPeer(.noError): break
    default: receiver.failed("\(reason)")
    }
    receiver.ended()
  }
}

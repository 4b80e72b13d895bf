import NIOCore
import NIOEmbedded

@testable import MartletHTTP2

/// A server's handler on a channel without a socket; the test is the client, in hand-made frames.
final class EmbeddedServer {
  static let request = [
    (":method", "GET"), (":scheme", "http"), (":authority", "example.org"), (":path", "/"),
  ]
  static let post = [
    (":method", "POST"), (":scheme", "http"), (":authority", "example.org"), (":path", "/"),
  ]
  static let webSocket = [
    (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"),
    (":authority", "example.org"), (":path", "/socket"), ("sec-websocket-version", "13"),
  ]

  let channel: EmbeddedChannel
  let loop: EmbeddedEventLoop
  let gate = WriteGate()
  private(set) var handler: HTTP2ServerHandler
  private(set) var heads: [HTTP2RequestHead] = []
  private(set) var streams: [HTTP2Stream] = []
  private(set) var recorders: [StreamRecorder] = []
  /// Called with each accepted stream.
  var onAccept: ((HTTP2Stream, StreamRecorder) -> Void)?
  /// Nobody takes the streams.
  var refuses = false
  private var output = ByteBuffer()

  /// - Parameter settings: of the client, which has sent its preface when this returns.
  init(
    _ configuration: HTTP2Configuration = HTTP2Configuration(),
    settings: [(UInt16, UInt32)] = [], loop: EmbeddedEventLoop = EmbeddedEventLoop(),
    sendsPreface: Bool = true
  ) throws {
    self.loop = loop
    channel = EmbeddedChannel(loop: loop)
    handler = HTTP2ServerHandler { _, _ in nil }
    handler = HTTP2ServerHandler(configuration: configuration) { [unowned self] stream, head in
      guard !refuses else { return nil }
      let recorder = StreamRecorder()
      heads.append(head)
      streams.append(stream)
      recorders.append(recorder)
      onAccept?(stream, recorder)
      return recorder
    }
    try channel.pipeline.syncOperations.addHandlers([gate, handler])
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    guard sendsPreface else { return }
    try send(bytes: Frame.preface)
    try send(.settings(settings), .settingsAcknowledgement)
    loop.run()
  }

  /// Sends frames in one read of the server.
  func send(_ frames: Frame...) throws {
    try send(bytes: frames.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1.bytes) })
  }

  func send(_ frames: [Frame]) throws {
    try send(bytes: frames.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1.bytes) })
  }

  func send(bytes: ByteBuffer) throws {
    try channel.writeInbound(bytes)
  }

  /// What the server has sent since the last call.
  func received() throws -> [Frame] {
    loop.run()
    while let bytes = try channel.readOutbound(as: ByteBuffer.self) {
      output.writeImmutableBuffer(bytes)
    }
    return Frame.read(&output)
  }

  /// Those of one type that the server has sent since the last call.
  func received(_ type: Frame.Kind) throws -> [Frame] {
    try received().filter { $0.type == type }
  }

  /// The code of the GOAWAY that the server has sent since the last call; nil if it sent none.
  func goAwayCode() throws -> HTTP2ErrorCode? {
    try received(.goAway).last?.goAwayCode.map(HTTP2ErrorCode.init)
  }
}

/// Holds writes back, as a socket whose peer does not read, and counts flushes.
final class WriteGate: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer

  var isOpen = true
  private(set) var flushes = 0
  private(set) var held = 0
  private var writes: [(NIOAny, EventLoopPromise<Void>?)] = []

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if isOpen { return context.write(data, promise: promise) }
    held += unwrapOutboundIn(data).readableBytes
    writes.append((data, promise))
  }

  func flush(context: ChannelHandlerContext) {
    flushes += 1
    context.flush()
  }

  func release(_ channel: EmbeddedChannel) throws {
    isOpen = true
    let context = try channel.pipeline.syncOperations.context(handler: self)
    for (data, promise) in writes { context.write(data, promise: promise) }
    writes = []
    held = 0
    context.flush()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    for (_, promise) in writes { promise?.fail(ChannelError.ioOnClosedChannel) }
    writes = []
  }
}

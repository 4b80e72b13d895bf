import MartletDaemon
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing

/// Requests of one connection, one after the other.
@Suite struct HTTPRequestHandlerTests {
  private final class World {
    let channel = EmbeddedChannel()
    private let state: State

    final class State: Sendable {
      let gone = Mutex(0)
      let answers = Mutex<[EventLoopPromise<HTTPAnswer>]>([])
    }

    init() throws {
      let state = State()
      self.state = state
      try channel.pipeline.syncOperations.addHandler(
        ByteToMessageHandler(HTTPRequestDecoder()))
      try channel.pipeline.syncOperations.addHandler(
        HTTPRequestHandler(bodyLimit: 0, timeout: .seconds(30)) { _, channel, gone in
          gone.whenComplete { _ in state.gone.withLock { $0 += 1 } }
          let answer = channel.eventLoop.makePromise(of: HTTPAnswer.self)
          state.answers.withLock { $0.append(answer) }
          return answer.futureResult
        })
      try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// Requests for which nobody waits any more.
    var gone: Int { state.gone.withLock { $0 } }

    func ask() throws {
      try channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
      channel.embeddedEventLoop.run()
    }

    func answer(_ answer: HTTPAnswer = .response(.text(.ok, "yes"))) {
      let promise = state.answers.withLock { $0.removeFirst() }
      promise.succeed(answer)
      channel.embeddedEventLoop.run()
    }
  }

  @Test func `What hangs on a request is let go with its answer, not with the connection`() throws {
    let world = try World()
    for number in 0..<3 {
      try world.ask()
      #expect(world.gone == number)
      world.answer()
      #expect(world.gone == number + 1)
    }
    _ = try world.channel.finish()
  }

  @Test func `Who closes the connection waits for no answer`() throws {
    let world = try World()
    try world.ask()
    #expect(world.gone == 0)
    world.channel.close(promise: nil)
    world.channel.embeddedEventLoop.run()
    #expect(world.gone == 1)
    world.answer()
    #expect(world.gone == 1)
  }

  @Test func `A channel that is handed over is no request any more`() throws {
    let world = try World()
    try world.ask()
    world.answer(.handover { _ in })
    #expect(world.gone == 1)
    _ = try world.channel.finish()
  }

  /// A socket that takes nothing until it is told to.
  private final class FullSocket: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private var isFull = true
    private var waiting: [(NIOAny, EventLoopPromise<Void>?)] = []
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
      if isFull { waiting.append((data, promise)) } else { context.write(data, promise: promise) }
    }

    func drain() {
      isFull = false
      for (data, promise) in waiting { context?.writeAndFlush(data, promise: promise) }
    }
  }

  @Test func `A channel is handed over when its earlier answers have left`() throws {
    let channel = EmbeddedChannel()
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    let socket = FullSocket()
    let handovers = Mutex(0)
    let requests = HTTPRequestHandler(
      bodyLimit: 100, timeout: .seconds(10)
    ) { request, channel, _ in
      channel.eventLoop.makeSucceededFuture(
        request.path == "/stream"
          ? .handover { _ in handovers.withLock { $0 += 1 } } : .response(.text(.ok, "first")))
    }
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(socket)
    try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
    try pipeline.addHandler(requests)
    try channel.writeInbound(
      ByteBuffer(
        string: "GET /text HTTP/1.1\r\nHost: a\r\n\r\nGET /stream HTTP/1.1\r\nHost: a\r\n\r\n"))
    channel.embeddedEventLoop.run()
    #expect(handovers.withLock { $0 } == 0)
    socket.drain()
    channel.embeddedEventLoop.run()
    #expect(handovers.withLock { $0 } == 1)
    _ = try? channel.finish()
  }
}

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
      try channel.pipeline.syncOperations.configureHTTPServerPipeline()
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
    world.answer(.handover(HTTPResponseHead(version: .http1_1, status: .ok)) { _, _ in })
    #expect(world.gone == 1)
    _ = try world.channel.finish()
  }
}

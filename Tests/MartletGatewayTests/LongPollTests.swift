import MartletBackplane
import MartletCore
import MartletDaemon
import MartletTestSupport
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletGateway

/// Polls on one event loop, while what the backplane knows and what the loop has read differ.
@Suite struct LongPollTests {
  /// A hub whose loop is told of publications when the test says so.
  private final class World {
    let loop = EmbeddedEventLoop()
    let shardLoop = EmbeddedEventLoop()
    let hub: Hub
    private let unread: NIOLoopBoundBox<[GroupBatch]>

    init() async throws {
      hub = try await EmbeddedHub.make(loop, shardLoop: shardLoop)
      let unread = NIOLoopBoundBox([GroupBatch](), eventLoop: loop)
      self.unread = unread
      let dispatcher = GroupDispatcher(
        backplane: hub.services.backplane,
        destinations: [
          GroupDispatcher.Destination(
            eventLoop: loop, received: { unread.value += $0 }, interrupted: { _ in })
        ])
      hub.attach(dispatcher)
      hub.services.backplane.start(delivering: dispatcher)
      run()
    }

    /// Lets both loops do what they have to do.
    func run() {
      for _ in 0..<5 {
        shardLoop.run()
        loop.run()
      }
    }

    /// The loop gets what the backplane has delivered.
    func read() {
      let batches = unread.value
      unread.value = []
      hub.received(batches)
    }

    func publish(_ count: Int) {
      for _ in 0..<count {
        _ = hub.services.backplane.publish(
          PublishRequest(
            group: Example.group, event: ByteBuffer(string: #"{"type":"x"}"#),
            kind: .published(Retention(size: 100, ttl: .seconds(60)))))
      }
      run()
    }

    func member() throws {
      let (session, _) = try EmbeddedHub.session("member", hub)
      hub.join(session.primary, since: nil)
      run()
    }

    func poll(since: Position) throws -> (Session, EventLoopFuture<HTTPResponse>) {
      let connection = LongPollConnection(Example.group, hub: hub, wait: .seconds(20))
      let session = try EmbeddedHub.session("poller", hub, over: connection)
      connection.attach(session)
      hub.join(session.primary, since: since)
      return (session, connection.response)
    }

    /// Where the group is, of which nobody here was told yet.
    func start() throws -> Position {
      let (_, response) = try poll(since: Position(epoch: Example.epoch, offset: 0))
      let answer = try answer(response)
      #expect(answer["recovered"] == .bool(false))
      let epoch = try #require(answer.text("position.epoch").flatMap { Epoch($0) })
      return Position(epoch: epoch, offset: UInt64(answer.number("position.offset") ?? 0))
    }

    /// The answer, which has come.
    func answer(_ response: EventLoopFuture<HTTPResponse>) throws -> JSONObject {
      run()
      var result: HTTPResponse?
      let bound = NIOLoopBoundBox<HTTPResponse?>(nil, eventLoop: loop)
      response.whenSuccess { bound.value = $0 }
      run()
      result = bound.value
      let found = try #require(result, "the poll is answered")
      var object = try JSONObject(String(buffer: found.body))
      object.fields["status"] = .number(Double(found.status.code))
      return object
    }
  }

  private func offsets(_ answer: JSONObject) -> [Int?] {
    answer.objects("publications").map { $0.number("offset") }
  }

  @Test func `What the loop has not read yet is not given twice`() async throws {
    let world = try await World()
    try world.member()
    let start = try world.start()
    world.publish(2)
    let (_, response) = try world.poll(since: start)
    let answer = try world.answer(response)
    #expect(offsets(answer) == [1, 2] && answer.number("position.offset") == 2)
    // The next one waits, although the loop reads these now.
    let (_, next) = try world.poll(since: Position(epoch: start.epoch, offset: 2))
    world.run()
    world.read()
    world.publish(1)
    world.read()
    let second = try world.answer(next)
    #expect(offsets(second) == [3] && second.number("position.offset") == 3)
  }

  @Test func `A poll that ends before it has joined is not told of a position`() async throws {
    let world = try await World()
    try world.member()
    let start = try world.start()
    world.publish(2)
    world.read()
    let (session, response) = try world.poll(since: start)
    session.drain(reconnectAfter: 100)
    #expect(try world.answer(response).number("status") == 503)
  }

  @Test func `A poll that ends with what it has got goes on behind that`() async throws {
    let world = try await World()
    try world.member()
    let start = try world.start()
    let (session, response) = try world.poll(since: start)
    world.run()
    world.publish(2)
    world.read()
    // In the same turn.
    session.drain(reconnectAfter: 100)
    let answer = try world.answer(response)
    #expect(offsets(answer) == [1, 2] && answer.number("position.offset") == 2)
  }

  @Test func `The last member of a group goes on behind what it has got`() async throws {
    let world = try await World()
    let (session, response) = try world.poll(since: world.start())
    world.run()
    world.publish(2)
    world.read()
    session.drain(reconnectAfter: 100)
    let answer = try world.answer(response)
    #expect(offsets(answer) == [1, 2] && answer.number("position.offset") == 2)
  }

  @Test func `A resync while a poll waits is its answer, whatever it has gathered`() async throws {
    let world = try await World()
    let start = try world.start()
    let (session, response) = try world.poll(since: start)
    world.run()
    world.publish(2)
    world.read()
    session.transport.send(
      text: "{}", position: Position(epoch: Example.otherEpoch, offset: 4))
    let told = try world.answer(response)
    #expect(told["recovered"] == .bool(false) && offsets(told) == [])
    #expect(told.text("position.epoch") == "e2" && told.number("position.offset") == 4)
  }
}

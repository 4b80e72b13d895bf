import Logging
import MartletAccess
import MartletBackplane
import MartletConfiguration
import MartletCore
import MartletPresence
import MartletProtocol
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletGateway

/// Joins whose answers overtake each other, and senders that do not wait, on one event loop.
@Suite struct LocalGroupTests {
  /// A connection that keeps what it is given.
  private final class RecordingTransport: SessionTransport {
    let unsentBytes = 0
    var frames = 0
    var texts: [String] = []
    var isReading = true
    var format: WireFormat { .webSocket }
    var heartbeat: TimeAmount? { nil }
    var isCongested: Bool { false }

    func send(_ frames: ByteBuffer) { self.frames += 1 }
    func send(text: String, position: Position?) { texts.append(text) }
    func ping() {}
    func setReading(_ isReading: Bool) { self.isReading = isReading }
    func close(_ reason: CloseReason) {}
    func abort() {}
  }

  /// - Parameter shardLoop: of the backplane; nil: the hub's.
  private func makeHub(
    _ loop: EmbeddedEventLoop, shardLoop: EmbeddedEventLoop? = nil,
    presence: SilentPresence? = nil
  ) async throws -> Hub {
    let backplane = InMemoryBackplane(
      shards: ShardMap(count: 1), eventLoops: [shardLoop ?? loop])
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let access = try await AccessControl(
      Configuration.Auth(), file: "test.yaml", logger: logger)
    return Hub(
      index: 0, eventLoop: loop,
      services: GatewayServices(
        backplane: backplane, presence: presence ?? SilentPresence(loop),
        userQuota: InMemoryUserQuota(on: loop),
        configuration: Configuration(), access: access, incarnation: "n", loopCount: 1,
        logger: logger))
  }

  private func makeSession(
    _ id: String, _ hub: Hub, hasPresence: Bool = false
  ) throws -> (Session, RecordingTransport) {
    let transport = RecordingTransport()
    let route = Route(
      path: try PathPattern("/g"), group: try TextTemplate("g", allowed: []),
      events: ["x": EventRule()])
    let user = User(id: id, name: nil)
    let presence = SessionPresence(
      PresenceSession(group: Example.group, connectionID: id, user: user), meta: PresenceMeta(),
      services: hub.services)
    let session = Session(
      subject: AccessSubject(
        connectionID: id, user: user, tenant: nil, claimsText: nil, remoteAddress: nil),
      expires: nil, origin: "{}",
      primary: Subscription(
        group: Example.group, route: route, presence: hasPresence ? presence : nil),
      transport: transport, hub: hub)
    return (session, transport)
  }

  private func recovery(_ offset: UInt64) -> Recovery {
    Recovery(position: Position(epoch: Example.epoch, offset: offset), missed: nil)
  }

  @Test func `The members are listed when nothing can be missed any more`() async throws {
    let (loop, shardLoop) = (EmbeddedEventLoop(), EmbeddedEventLoop())
    let presence = SilentPresence(loop)
    let hub = try await makeHub(loop, shardLoop: shardLoop, presence: presence)
    hub.attach(
      GroupDispatcher(
        backplane: hub.services.backplane,
        destinations: [
          GroupDispatcher.Destination(eventLoop: loop, received: { _ in }, interrupted: { _ in })
        ]))
    let (session, transport) = try makeSession("a", hub, hasPresence: true)
    hub.join(session.primary, since: nil)
    loop.run()
    #expect(presence.questions == 0)
    // The shard's loop takes note of the interest, then of the question for the position.
    shardLoop.run()
    loop.run()
    #expect(presence.questions == 1)
    shardLoop.run()
    loop.run()
    #expect(transport.texts.first?.contains(#""member_count":1"#) == true)
  }

  @Test func `A joiner whose answer is older than the stream's beginning asks again`() async throws
  {
    let loop = EmbeddedEventLoop()
    let hub = try await makeHub(loop)
    let group = LocalGroup(
      name: Example.group, interest: loop.makeSucceededVoidFuture(), hub: hub)
    let (slow, _) = try makeSession("slow", hub)
    let (quick, quickTransport) = try makeSession("quick", hub)
    group.beginJoin(slow.primary)
    // slow's position is 4 by now, but its answer is still on the way.
    group.received(Example.deliveries(5...6))
    group.beginJoin(quick.primary)
    var introduced: [String] = []
    let first = group.finishJoin(quick.primary, recovery: recovery(6)) {
      introduced.append("quick")
    }
    #expect(first == .joined)
    // 5 and 6 went to nobody: slow must not begin at 4.
    let second = group.finishJoin(slow.primary, recovery: recovery(4)) { introduced.append("slow") }
    #expect(second == .askAgain && introduced == ["quick"])
    let third = group.finishJoin(slow.primary, recovery: recovery(6)) { introduced.append("slow") }
    #expect(third == .joined && introduced == ["quick", "slow"])
    group.received(Example.deliveries(7...7))
    #expect(quickTransport.frames == 1)
  }

  @Test func `A joiner's answer from before an interruption is asked for again`() async throws {
    let loop = EmbeddedEventLoop()
    let hub = try await makeHub(loop)
    let group = LocalGroup(
      name: Example.group, interest: loop.makeSucceededVoidFuture(), hub: hub)
    let (session, _) = try makeSession("a", hub)
    group.beginJoin(session.primary)
    group.interrupted()
    #expect(group.finishJoin(session.primary, recovery: recovery(3)) {} == .askAgain)
    #expect(group.finishJoin(session.primary, recovery: recovery(3)) {} == .joined)
  }

  @Test func `What is published during a join waits and follows it`() async throws {
    let loop = EmbeddedEventLoop()
    let hub = try await makeHub(loop)
    let group = LocalGroup(
      name: Example.group, interest: loop.makeSucceededVoidFuture(), hub: hub)
    let (member, _) = try makeSession("member", hub)
    let (joiner, transport) = try makeSession("joiner", hub)
    group.beginJoin(member.primary)
    #expect(group.finishJoin(member.primary, recovery: recovery(1)) {} == .joined)
    group.beginJoin(joiner.primary)
    group.received(Example.deliveries(2...3))
    #expect(transport.frames == 0)
    #expect(group.finishJoin(joiner.primary, recovery: recovery(2)) {} == .joined)
    #expect(transport.frames == 1)
    // 3 came from the queue; it does not come again.
    group.received(Example.deliveries(3...3))
    #expect(transport.frames == 1)
  }

  @Test func `A client that sends faster than the backplane takes is not read meanwhile`()
    async throws
  {
    let loop = EmbeddedEventLoop()
    let hub = try await makeHub(loop)
    let (session, transport) = try makeSession("a", hub)
    session.becameLive()
    for number in 0..<256 {
      #expect(transport.isReading, "before publication \(number)")
      session.received(ByteBuffer(string: #"{"type":"x","ref":\#(number)}"#))
    }
    #expect(!transport.isReading)
    // The backplane, on the same loop, answers now.
    loop.run()
    #expect(transport.isReading)
    #expect(transport.texts.count == 256 && transport.texts.allSatisfy { $0.contains("\"ack\"") })
  }

  @Test func `Messages that come during a join wait for it, and not without limit`() async throws {
    let loop = EmbeddedEventLoop()
    let hub = try await makeHub(loop)
    let (session, transport) = try makeSession("a", hub)
    for _ in 0..<16 { session.received(ByteBuffer(string: #"{"type":"ping"}"#)) }
    #expect(transport.texts.isEmpty && !transport.isReading)
    session.becameLive()
    #expect(transport.texts.count == 16 && transport.isReading)
  }
}

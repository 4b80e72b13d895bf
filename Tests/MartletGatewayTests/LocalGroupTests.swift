import MartletBackplane
import MartletCore
import MartletProtocol
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletGateway

/// Joins whose answers overtake each other, and senders that do not wait, on one event loop.
@Suite struct LocalGroupTests {
  private func recovery(_ offset: UInt64) -> Recovery {
    Recovery(position: Position(epoch: Example.epoch, offset: offset), missed: nil)
  }

  @Test func `The members are listed when nothing can be missed any more`() async throws {
    let (loop, shardLoop) = (EmbeddedEventLoop(), EmbeddedEventLoop())
    let presence = SilentPresence(loop)
    let hub = try await EmbeddedHub.make(loop, shardLoop: shardLoop, presence: presence)
    hub.attach(
      GroupDispatcher(
        backplane: hub.services.backplane,
        destinations: [
          GroupDispatcher.Destination(eventLoop: loop, received: { _ in }, interrupted: { _ in })
        ]))
    let (session, transport) = try EmbeddedHub.session("a", hub, hasPresence: true)
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

  /// A hub whose backplane is on a loop that does nothing until it is run, with one member of the group.
  private func makeHubWithMember(
    _ loop: EmbeddedEventLoop, _ shardLoop: EmbeddedEventLoop
  ) async throws -> (Hub, Subscription) {
    let hub = try await EmbeddedHub.make(loop, shardLoop: shardLoop)
    let (member, transport) = try EmbeddedHub.session("member", hub)
    hub.join(member.primary, since: nil)
    while transport.texts.isEmpty {
      loop.run()
      shardLoop.run()
    }
    return (hub, member.primary)
  }

  @Test func `Who joins a group with members here need not wait for the backplane`() async throws {
    let (loop, shardLoop) = (EmbeddedEventLoop(), EmbeddedEventLoop())
    let (hub, member) = try await makeHubWithMember(loop, shardLoop)
    let position = try #require(hub.position(of: member))
    let (new, newTransport) = try EmbeddedHub.session("new", hub)
    hub.join(new.primary, since: nil)
    #expect(newTransport.texts.count == 1)
    #expect(newTransport.texts.first?.contains(ServerFrame.json(position)) == true)
    let (back, backTransport) = try EmbeddedHub.session("back", hub)
    hub.join(back.primary, since: position)
    #expect(backTransport.texts.first?.contains(#""recovered":true"#) == true)
    hub.received([GroupBatch(group: Example.group, deliveries: [next(to: position)])])
    #expect(newTransport.frames == 1 && backTransport.frames == 1)
  }

  @Test func `Who comes from another position than the members' has to wait`() async throws {
    let (loop, shardLoop) = (EmbeddedEventLoop(), EmbeddedEventLoop())
    let (hub, member) = try await makeHubWithMember(loop, shardLoop)
    let position = try #require(hub.position(of: member))
    let (back, transport) = try EmbeddedHub.session("back", hub)
    hub.join(back.primary, since: Position(epoch: position.epoch, offset: position.offset + 1))
    #expect(transport.texts.isEmpty)
    shardLoop.run()
    loop.run()
    #expect(transport.texts.first?.contains(#""recovered":false"#) == true)
  }

  @Test func `As long as it is not known what the members miss, who joins has to wait`()
    async throws
  {
    let (loop, shardLoop) = (EmbeddedEventLoop(), EmbeddedEventLoop())
    let (hub, _) = try await makeHubWithMember(loop, shardLoop)
    hub.interrupted(shard: 0)
    let (new, transport) = try EmbeddedHub.session("new", hub)
    hub.join(new.primary, since: nil)
    #expect(transport.texts.isEmpty)
    shardLoop.run()
    loop.run()
    #expect(transport.texts.count == 1)
  }

  private func next(to position: Position) -> Delivery {
    Delivery(
      group: Example.group,
      position: Position(epoch: position.epoch, offset: position.offset + 1), excluded: nil,
      event: ByteBuffer(string: "{}"))
  }

  @Test func `A joiner whose answer is older than the stream's beginning asks again`() async throws
  {
    let loop = EmbeddedEventLoop()
    let hub = try await EmbeddedHub.make(loop)
    let group = LocalGroup(
      name: Example.group, interest: loop.makeSucceededVoidFuture(), hub: hub)
    let (slow, _) = try EmbeddedHub.session("slow", hub)
    let (quick, quickTransport) = try EmbeddedHub.session("quick", hub)
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
    let hub = try await EmbeddedHub.make(loop)
    let group = LocalGroup(
      name: Example.group, interest: loop.makeSucceededVoidFuture(), hub: hub)
    let (session, _) = try EmbeddedHub.session("a", hub)
    group.beginJoin(session.primary)
    group.interrupted()
    #expect(group.finishJoin(session.primary, recovery: recovery(3)) {} == .askAgain)
    #expect(group.finishJoin(session.primary, recovery: recovery(3)) {} == .joined)
  }

  @Test func `What is published during a join waits and follows it`() async throws {
    let loop = EmbeddedEventLoop()
    let hub = try await EmbeddedHub.make(loop)
    let group = LocalGroup(
      name: Example.group, interest: loop.makeSucceededVoidFuture(), hub: hub)
    let (member, _) = try EmbeddedHub.session("member", hub)
    let (joiner, transport) = try EmbeddedHub.session("joiner", hub)
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
    let hub = try await EmbeddedHub.make(loop)
    let (session, transport) = try EmbeddedHub.session("a", hub)
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
    let hub = try await EmbeddedHub.make(loop)
    let (session, transport) = try EmbeddedHub.session("a", hub)
    for _ in 0..<16 { session.received(ByteBuffer(string: #"{"type":"ping"}"#)) }
    #expect(transport.texts.isEmpty && !transport.isReading)
    session.becameLive()
    #expect(transport.texts.count == 16 && transport.isReading)
  }

  @Test func `A member that saw more than the epoch that goes on knows of is told`() async throws {
    let loop = EmbeddedEventLoop()
    let hub = try await EmbeddedHub.make(loop)
    let group = LocalGroup(
      name: Example.group, interest: loop.makeSucceededVoidFuture(), hub: hub)
    let (behind, behindTransport) = try EmbeddedHub.session("behind", hub)
    let (ahead, aheadTransport) = try EmbeddedHub.session("ahead", hub)
    group.beginJoin(behind.primary)
    #expect(group.finishJoin(behind.primary, recovery: recovery(5)) {} == .joined)
    // It is told of 6 and 7 before the loop has read them.
    group.beginJoin(ahead.primary)
    #expect(group.finishJoin(ahead.primary, recovery: recovery(7)) {} == .joined)
    // Redis comes back without them, and goes on behind 5.
    group.received([
      Delivery(
        group: Example.group, position: Position(epoch: Example.otherEpoch, offset: 6),
        continues: Example.epoch, excluded: nil, event: ByteBuffer(string: "{}"))
    ])
    #expect(behindTransport.texts.isEmpty && behindTransport.frames == 1)
    #expect(aheadTransport.texts.count == 1 && aheadTransport.frames == 1)
    #expect(aheadTransport.texts.first?.contains(#""type":"resync""#) == true)
    #expect(aheadTransport.texts.first?.contains(#""offset":5"#) == true)
  }
}

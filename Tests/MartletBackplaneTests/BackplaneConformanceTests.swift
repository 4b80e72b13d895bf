import Logging
import MartletCore
import MartletTestSupport
import NIOCore
import NIOPosix
import Testing

@testable import MartletBackplane

/// What every backplane promises (the contract in Backplane.swift), asked of all of them.
@Suite(.sharedRedisCluster) struct BackplaneConformanceTests {
  private func withEach(
    _ implementation: BackplaneUnderTest, _ body: (TestCluster) async throws -> Void
  ) async throws {
    let cluster = try await TestCluster.start(implementation)
    do {
      try await body(cluster)
    } catch {
      try await cluster.stop()
      throw error
    }
    try await cluster.stop()
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `Offsets count from one, and everybody receives them in order`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { cluster in
      let group = cluster.group("a")
      var positions: [Position] = []
      for number in 1...50 {
        positions.append(try await cluster.publish(group, number))
      }
      #expect(positions.map(\.offset) == Array(1...50))
      #expect(Set(positions.map(\.epoch)).count == 1)
      for recorder in cluster.recorders {
        try await eventually("all publications are delivered") {
          recorder.deliveries(of: group).count >= 50
        }
        #expect(recorder.deliveries(of: group).map(\.position) == positions)
        #expect(
          recorder.deliveries(of: group).map { String(buffer: $0.event) }
            == (1...50).map(Example.event))
      }
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `Publications sent without waiting keep the order of the calls`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { cluster in
      let group = cluster.group("burst")
      let backplane = cluster.backplanes[0]
      let loop = backplane.eventLoop(ofShard: 0)
      let outcomes = try await loop.flatSubmit {
        EventLoopFuture.whenAllSucceed(
          (1...500).map { backplane.publish(Example.request(group, $0)) }, on: loop)
      }.get()
      #expect(outcomes.map { $0.position?.offset } == (1...500).map { UInt64($0) })
      let page = try await backplane.history(group, before: nil, limit: 1_000).get()
      #expect(
        page.publications.suffix(100).map { String(buffer: $0.event) }
          == (401...500).map(Example.event))
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `A repeated idempotency id is not published again and answers with the first position`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { cluster in
      let group = cluster.group("once")
      let other = cluster.group("other")
      func publish(_ group: GroupName, _ id: String?) async throws -> PublishOutcome {
        try await cluster.backplanes[0].publish(Example.request(group, 1, id: id)).get()
      }
      let first = try await publish(group, "x")
      #expect(!first.isRepeat)
      #expect(try await publish(group, nil).position?.offset == 2)
      let second = try await publish(group, "x")
      #expect(second.isRepeat && second.position == first.position)
      #expect(try await !publish(group, "y").isRepeat)
      // Ids of different groups have nothing to do with each other.
      #expect(try await !publish(other, "x").isRepeat)
      let recovery = try await cluster.backplanes[0].recover(
        group, since: nil, within: RecoveryBudget(publications: 10)
      ).get()
      #expect(recovery.position.offset == 3)
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `Ephemeral events are delivered, but neither numbered nor kept`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { cluster in
      let group = cluster.group("typing")
      _ = try await cluster.publish(group, 1)
      let outcome = try await cluster.backplanes[0].publish(
        PublishRequest(
          group: group, event: ByteBuffer(string: Example.event(2)), kind: .ephemeral,
          excluded: "c1")
      ).get()
      #expect(outcome == PublishOutcome(position: nil))
      for recorder in cluster.recorders {
        try await eventually("the event is delivered") { recorder.deliveries(of: group).count == 2 }
        let last = recorder.deliveries(of: group)[1]
        #expect(last.position == nil && last.excluded == "c1")
      }
      let page = try await cluster.backplanes[0].history(group, before: nil, limit: 10).get()
      #expect(page.publications.count == 1)
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `A group has its epoch before its first publication, so that a member can recover it`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { cluster in
      let group = cluster.group("new")
      let empty = try await cluster.backplanes[0].recover(
        group, since: nil, within: RecoveryBudget(publications: 10)
      ).get()
      #expect(empty.position.offset == 0 && empty.missed == nil)
      let position = try await cluster.publish(group, 1)
      #expect(position.epoch == empty.position.epoch)
      let recovery = try await cluster.last.recover(
        group, since: empty.position, within: RecoveryBudget(publications: 10)
      ).get()
      #expect(recovery.missed?.map { String(buffer: $0.event) } == [Example.event(1)])
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `Recovery is complete or refused, never partial`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { cluster in
      let group = cluster.group("recover")
      var positions: [Position] = []
      for number in 1...30 { positions.append(try await cluster.publish(group, number, keep: 10)) }
      let backplane = cluster.last
      func missed(since position: Position, limit: Int = 100) async throws -> [UInt64]? {
        let recovery = try await backplane.recover(
          group, since: position, within: RecoveryBudget(publications: limit)
        ).get()
        #expect(recovery.position == positions.last)
        return recovery.missed.map { $0.compactMap { $0.position?.offset } }
      }
      #expect(try await missed(since: positions[29]) == [])
      #expect(try await missed(since: positions[24]) == [26, 27, 28, 29, 30])
      #expect(try await missed(since: positions[19]) == Array(21...30))
      #expect(try await missed(since: positions[24], limit: 4) == nil)
      #expect(try await missed(since: positions[24], limit: 5)?.count == 5)
      // From the future, and from another history.
      #expect(try await missed(since: Position(epoch: positions[0].epoch, offset: 31)) == nil)
      let stranger = try #require(Epoch("stranger"))
      #expect(try await missed(since: Position(epoch: stranger, offset: 25)) == nil)
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `Without retention only the current position can be recovered`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { cluster in
      let group = cluster.group("unkept")
      let backplane = cluster.backplanes[0]
      var positions: [Position] = []
      for number in 1...3 {
        let outcome = try await backplane.publish(
          PublishRequest(
            group: group, event: ByteBuffer(string: Example.event(number)), kind: .published(nil))
        ).get()
        positions.append(try #require(outcome.position))
      }
      #expect(
        try await backplane.recover(
          group, since: positions[2], within: RecoveryBudget(publications: 10)
        ).get().missed == [])
      #expect(
        try await backplane.recover(
          group, since: positions[1], within: RecoveryBudget(publications: 10)
        ).get().missed == nil)
      #expect(
        try await backplane.history(group, before: nil, limit: 10).get().publications.isEmpty)
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `History pages backwards without gap or overlap`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { cluster in
      let group = cluster.group("pages")
      for number in 1...25 { _ = try await cluster.publish(group, number) }
      var before: UInt64?
      var offsets: [UInt64] = []
      var pages = 0
      repeat {
        let page = try await cluster.last.history(group, before: before, limit: 10).get()
        offsets = page.publications.compactMap { $0.position?.offset } + offsets
        before = page.nextBefore
        pages += 1
      } while before != nil && pages < 10
      #expect(offsets == Array(1...25))
      #expect(pages == 3)
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `Retained publications are forgotten after their time, the position is not`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { cluster in
      let group = cluster.group("short")
      let outcome = try await cluster.backplanes[0].publish(
        PublishRequest(
          group: group, event: ByteBuffer(string: Example.event(1)),
          kind: .published(Retention(size: 10, ttl: .milliseconds(200))))
      ).get()
      try await eventually("the history is forgotten") {
        try await cluster.last.history(group, before: nil, limit: 10).get().publications.isEmpty
      }
      let recovery = try await cluster.last.recover(
        group, since: nil, within: RecoveryBudget(publications: 10)
      ).get()
      #expect(recovery.position == outcome.position)
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `Any bytes of an event arrive as they were`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { cluster in
      let group = cluster.group("bytes")
      let events = [
        "{}", #"{"a":" - 1 p {x} "}"#, "{\"text\":\"\u{1F600} é\r\n\"}",
        #"{"big":"\#(String(repeating: "x", count: 200_000))"}"#,
      ]
      for event in events {
        _ = try await cluster.backplanes[0].publish(
          PublishRequest(
            group: group, event: ByteBuffer(string: event),
            kind: .published(Retention(size: 10, ttl: .seconds(60))))
        ).get()
      }
      for recorder in cluster.recorders {
        try await eventually("all are delivered") {
          recorder.deliveries(of: group).count == events.count
        }
        #expect(recorder.deliveries(of: group).map { String(buffer: $0.event) } == events)
      }
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `Groups of all shards are delivered`(_ implementation: BackplaneUnderTest) async throws {
    try await withEach(implementation) { cluster in
      let groups = (0..<100).map { cluster.group("g\($0)") }
      #expect(Set(groups.map { cluster.last.shards.shard(of: $0) }).count == 16)
      for group in groups { _ = try await cluster.publish(group, 1) }
      for recorder in cluster.recorders {
        try await eventually("all are delivered") {
          groups.allSatisfy { recorder.deliveries(of: $0).count == 1 }
        }
      }
    }
  }
}

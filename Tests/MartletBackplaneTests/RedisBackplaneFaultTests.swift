import Logging
import MartletCore
import MartletTestSupport
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MartletBackplane
@testable import MartletRedis

@Suite struct RedisBackplaneFaultTests {
  @Test func `Another shard count than the stored one is refused`() async throws {
    let cluster = try await TestCluster.start(.oneRedis)
    let mismatch = Mutex<BackplaneError?>(nil)
    let stranger = TestCluster.backplane(
      cluster.redis.map(\.server), node: "stranger", shards: 8,
      onMismatch: { error in mismatch.withLock { $0 = error } })
    stranger.start(delivering: DeliveryRecorder())
    try await eventually("the stranger is told") { mismatch.withLock { $0 != nil } }
    #expect(mismatch.withLock { "\($0.map { "\($0)" } ?? "")" }.contains("backplane.shards is 8"))
    try await stranger.stop().get()
    try await cluster.stop()
  }

  @Test func `Without Redis nothing is ready, publishing fails at once, and it all comes back`()
    async throws
  {
    let cluster = try await TestCluster.start(.oneRedis)
    let group = cluster.group("g")
    _ = try await cluster.publish(group, 1)
    cluster.redis[0].kill()
    try await eventually("the loss is noticed") {
      try await !cluster.backplanes[0].unreadiness().get().isEmpty
    }
    await #expect(throws: BackplaneError.self) { try await cluster.publish(group, 2) }
    let again = try await RedisServerProcess.start(port: cluster.redis[0].server.port)
    try await eventually("it is ready again") {
      try await cluster.backplanes[0].unreadiness().get().isEmpty
    }
    _ = try await cluster.publish(group, 3)
    again.kill()
    try await cluster.stop()
  }

  @Test func `A Redis that comes back empty has new epochs, and its subscribers are told`()
    async throws
  {
    let cluster = try await TestCluster.start(.oneRedis)
    let group = cluster.group("g")
    let before = try await cluster.publish(group, 1)
    let recorder = cluster.recorders[1]
    try await eventually("it is delivered") { recorder.deliveries(of: group).count == 1 }
    let port = cluster.redis[0].server.port
    cluster.redis[0].kill()
    let again = try await RedisServerProcess.start(port: port)
    let backplane = cluster.backplanes[0]
    try await eventually("publishing works again") {
      (try? await backplane.publish(Example.request(group, 2)).get()) != nil
    }
    try await eventually("the publication is delivered") {
      recorder.deliveries(of: group).count == 2
    }
    let after = try #require(recorder.deliveries(of: group)[1].position)
    #expect(after.epoch != before.epoch && after.offset == 1)
    #expect(recorder.interruptions(of: backplane.shards.shard(of: group)) == [.otherData])
    let recovery = try await backplane.recover(group, since: before, limit: 10).get()
    #expect(recovery.missed == nil)
    again.kill()
    try await cluster.stop()
  }

  @Test func `Readers whose connections are killed go on where they were`() async throws {
    let cluster = try await TestCluster.start(.twoRedis)
    let group = cluster.group("g")
    let killers = cluster.redis.map { redis in
      RedisClient(
        RedisClient.Configuration(server: redis.server, name: "killer", replyTimeout: .seconds(5)),
        on: MultiThreadedEventLoopGroup.singleton.next(), logger: .init(label: "test"))
    }
    for killer in killers { killer.start() }
    for number in 1...300 {
      _ = try await cluster.publish(group, number, keep: 1_000)
      if number % 50 == 0 {
        for killer in killers { try await Self.killReaders(killer) }
      }
    }
    for recorder in cluster.recorders {
      try await eventually("all are delivered") { recorder.deliveries(of: group).count >= 300 }
      #expect(
        recorder.deliveries(of: group).compactMap { $0.position?.offset } == Array(1...300))
      #expect((0..<16).allSatisfy { recorder.interruptions(of: $0).isEmpty })
    }
    for killer in killers { try await killer.stop().get() }
    try await cluster.stop()
  }

  private func observer(_ cluster: TestCluster) async throws -> RedisClient {
    let client = RedisClient(
      RedisClient.Configuration(
        server: cluster.redis[0].server, name: "observer", replyTimeout: .seconds(5)),
      on: MultiThreadedEventLoopGroup.singleton.next(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    client.start()
    try await eventually("the observer is connected") {
      (try? await client.send(["PING"]).get()) != nil
    }
    return client
  }

  @Test
  func `A stream that lost its tail is noticed, although new entries came before the reader did`()
    async throws
  {
    let cluster = try await TestCluster.start(.oneRedis)
    let group = cluster.group("g")
    for number in 1...5 { _ = try await cluster.publish(group, number) }
    let recorder = cluster.recorders[1]
    try await eventually("all are delivered") { recorder.deliveries(of: group).count == 5 }
    let shard = cluster.last.shards.shard(of: group)
    let keyspace = RedisKeyspace(prefix: "test", shards: cluster.last.shards)
    let observer = try await observer(cluster)
    // What a failover does: entries that were read are gone. A probe may come between and move the
    // reader on; then it is done again.
    try await eventually("the loss is noticed") {
      let stream = RedisCommand.Argument.text(keyspace.stream(shard))
      let tail = try await observer.send(["XREVRANGE", stream, "+", "-", "COUNT", "1"]).get()
      let last = tail.elements?.first?.elements?.first?.text ?? ""
      _ = try await observer.send(["XDEL", stream, .text(last)]).get()
      try await Self.killReaders(observer)
      try? await eventually("the reader is back", within: .milliseconds(500)) {
        !recorder.interruptions(of: shard).isEmpty
      }
      return recorder.interruptions(of: shard).contains(.otherData)
    }
    try await observer.stop().get()
    try await cluster.stop()
  }

  @Test func `A reader whose place was trimmed away says so`() async throws {
    let cluster = try await TestCluster.start(.oneRedis)
    let group = cluster.group("g")
    _ = try await cluster.publish(group, 1)
    let recorder = cluster.recorders[1]
    try await eventually("it is delivered") { recorder.deliveries(of: group).count == 1 }
    let shard = cluster.last.shards.shard(of: group)
    let keyspace = RedisKeyspace(prefix: "test", shards: cluster.last.shards)
    let observer = try await observer(cluster)
    try await eventually("the trimming is noticed") {
      _ = try await observer.send(
        ["XTRIM", .text(keyspace.stream(shard)), "MAXLEN", "0"]).get()
      try await Self.killReaders(observer)
      return recorder.interruptions(of: shard).contains(.unread)
    }
    try await observer.stop().get()
    try await cluster.stop()
  }

  private static func killReaders(_ killer: RedisClient) async throws {
    let list = try await killer.send(["CLIENT", "LIST"]).get().text ?? ""
    for line in list.split(separator: "\n") where line.contains("-reader") {
      let id = line.split(separator: " ").first?.dropFirst("id=".count) ?? ""
      _ = try? await killer.send(["CLIENT", "KILL", "ID", .text(String(id))]).get()
    }
  }

  @Test
  func
    `A frozen Redis makes publishers wait for the time limit only, and loses nothing acknowledged`()
    async throws
  {
    let cluster = try await TestCluster.start(.oneRedis)
    let group = cluster.group("g")
    var acknowledged = [try await cluster.publish(group, 1)]
    cluster.redis[0].freeze()
    await #expect(throws: BackplaneError.self) { try await cluster.publish(group, 2) }
    cluster.redis[0].thaw()
    let backplane = cluster.backplanes[0]
    try await eventually("publishing works again") {
      let outcome = try? await backplane.publish(Example.request(group, 3, id: "again")).get()
      if let position = outcome?.position { acknowledged.append(position) }
      return outcome != nil
    }
    for recorder in cluster.recorders {
      try await eventually("what was acknowledged is delivered") {
        Set(recorder.deliveries(of: group).compactMap(\.position)).isSuperset(of: acknowledged)
      }
    }
    try await cluster.stop()
  }
}

@Suite struct RedisBackplanePartsTests {
  @Test func `A cursor fits its stream, or the subscriber is told why not`() {
    func id(_ number: UInt64) -> RedisStreamID { RedisStreamID(milliseconds: number, sequence: 0) }
    func verdict(
      _ place: ShardPlace, cursor: RedisStreamID? = RedisStreamID(milliseconds: 50, sequence: 0),
      lineage: String? = "a"
    ) -> ShardPlace.Verdict {
      place.verdict(cursor: cursor, lineage: lineage)
    }
    let whole = ShardPlace(lineage: "a", hasCursorEntry: true, first: id(10), last: id(90))
    #expect(verdict(whole) == .init(cursor: id(50), interruption: nil))
    #expect(
      verdict(whole, cursor: nil, lineage: nil) == .init(cursor: id(90), interruption: .unread))
    #expect(verdict(whole, lineage: "b") == .init(cursor: .zero, interruption: .otherData))
    let tailLost = ShardPlace(lineage: "a", hasCursorEntry: false, first: id(10), last: id(90))
    #expect(verdict(tailLost) == .init(cursor: id(90), interruption: .otherData))
    let trimmed = ShardPlace(lineage: "a", hasCursorEntry: false, first: id(60), last: id(90))
    #expect(verdict(trimmed) == .init(cursor: id(50), interruption: .unread))
    let empty = ShardPlace(lineage: "a", hasCursorEntry: false, first: nil, last: nil)
    #expect(verdict(empty) == .init(cursor: id(50), interruption: .unread))
  }

  @Test func `A record says the same when it is read`() throws {
    let request = PublishRequest(
      group: GroupName(trusted: "g_1"), event: ByteBuffer(string: #"{"a":"x y z"}"#),
      kind: .ephemeral, excluded: "c-1")
    var record = ByteBuffer(string: "p 7 e1 ")
    record.writeImmutableBuffer(PublicationRecord.tail(request))
    let position = Position(epoch: try #require(Epoch("e1")), offset: 7)
    #expect(
      PublicationRecord(record)
        == .delivery(
          Delivery(
            group: request.group, position: position, excluded: "c-1", event: request.event)))
    #expect(PublicationRecord(ByteBuffer(string: "b node 5")) == .probe(node: "node", number: 5))
  }

  @Test(arguments: [
    "", "p", "p x e - g {}", "p 1 - - g {}", "p 1 e - g", "p 0 e - g {}",
    "p 9007199254740992 e - g {}", "e - g", "b n", "b n x", "z 1",
  ])
  func `What is no record is not taken for one`(text: String) {
    #expect(PublicationRecord(ByteBuffer(string: text)) == nil)
  }

  @Test func `A reader waits only while wake-ups come in quick succession`() {
    var policy = LingerPolicy()
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    func after(_ pause: TimeAmount, entries: Int = 1) -> TimeAmount {
      now = now + pause
      return policy.wait(afterReceiving: entries, now: now)
    }
    #expect(after(.zero) == .zero)
    for _ in 0..<10 { #expect(after(.milliseconds(20)) == .zero) }
    var waits: [TimeAmount] = []
    for _ in 0..<6 { waits.append(after(.milliseconds(1))) }
    #expect(waits.first == .zero && waits.last == LingerPolicy.linger)
    #expect(after(.milliseconds(3), entries: 100) == LingerPolicy.longLinger)
    // Quiet again: no wait.
    #expect(after(.milliseconds(50)) == .zero)
  }

  @Test func `A shard is deaf until its probe has come back, and again when probes stop coming`() {
    var probe = ShardProbe(shards: 2)
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    #expect(probe.deafShards(limit: .seconds(1), now: now) == [0, 1])
    let number = probe.nextRound(now: now)
    now = now + .milliseconds(5)
    probe.returned(shard: 1, number: number, now: now)
    #expect(probe.lastRoundTrip == .milliseconds(5))
    #expect(probe.deafShards(limit: .seconds(1), now: now) == [0])
    probe.returned(shard: 0, number: 99, now: now)
    #expect(probe.deafShards(limit: .seconds(1), now: now) == [0])
    #expect(probe.deafShards(limit: .seconds(1), now: now + .seconds(2)) == [0, 1])
  }

  @Test func `Stream ids are compared as numbers`() {
    let ids = ["9-0", "10-0", "10-2", "10-11"].compactMap { RedisStreamID($0) }
    #expect(ids == ids.sorted() && ids.count == 4)
    #expect(RedisStreamID("x-1") == nil && RedisStreamID("1") == nil)
  }

  @Test func `Keys of a shard share its hash tag`() {
    let keyspace = RedisKeyspace(prefix: "m", shards: ShardMap(count: 16))
    let group = GroupName(trusted: "g")
    let shard = keyspace.shards.shard(of: group)
    let tag = "m:{\(keyspace.shards.tags[shard])}:"
    for key in [
      keyspace.stream(shard), keyspace.meta(group), keyspace.history(group),
      keyspace.idempotency(group, "x"), keyspace.key(shard, "anything"),
    ] {
      #expect(key.hasPrefix(tag))
    }
  }
}

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
    #expect(Set(recorder.interruptions).contains(backplane.shards.shard(of: group)))
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
      #expect(recorder.interruptions.isEmpty)
    }
    for killer in killers { try await killer.stop().get() }
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
    "", "p", "p x e - g {}", "p 1 - - g {}", "p 1 e - g", "e - g", "b n", "b n x", "z 1",
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

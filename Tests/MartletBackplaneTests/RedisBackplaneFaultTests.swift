import Foundation
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
      cluster.redis.map { .server($0.server) }, node: "stranger", prefix: cluster.keyspace.prefix,
      shards: 8,
      onMismatch: { error in mismatch.withLock { $0 = error } })
    stranger.start(delivering: DeliveryRecorder())
    try await eventually("the stranger is told") { mismatch.withLock { $0 != nil } }
    #expect(mismatch.withLock { "\($0.map { "\($0)" } ?? "")" }.contains("backplane.shards is 8"))
    try await stranger.stop().get()
    try await cluster.stop()
  }

  @Test func `A user with the rights of the documentation can do all of it, and no more`()
    async throws
  {
    let redis = try await RedisServerProcess.start()
    let replica = try await RedisServerProcess.start(replicaOf: redis.server)
    let page = try String(contentsOfFile: "docs/configuration.md", encoding: .utf8)
    let line = try #require(page.split(separator: "\n").first { $0.hasPrefix("ACL SETUSER") })
    let rule = line.replacing("PASSWORD", with: "secret").split(separator: " ").map(String.init)
    _ = try await RedisTestClient.send(rule, to: redis.server)
    let account = try #require(
      RedisServer(url: "redis://martlet:secret@127.0.0.1:\(redis.server.port)"))
    let backplane = TestCluster.backplane([.server(account)], node: "n", prefix: "martlet")
    let recorder = DeliveryRecorder()
    backplane.start(delivering: recorder)
    try await eventually("the backplane is ready") {
      try await backplane.unreadiness().get().isEmpty
    }
    let group = GroupName(trusted: "g")
    var request = Example.request(group, 1, id: "x")
    let first = try await backplane.publish(request).get()
    request.durability = .replicated
    #expect(try await backplane.publish(request).get().isRepeat)
    request.kind = .ephemeral
    _ = try await backplane.publish(request).get()
    try await eventually("both are delivered") { recorder.deliveries(of: group).count == 2 }
    let position = try #require(first.position)
    let start = Position(epoch: position.epoch, offset: 0)
    let recovery = try await backplane.recover(
      group, since: start, within: RecoveryBudget(publications: 10)
    ).get()
    #expect(recovery.missed?.count == 1)
    #expect(
      try await backplane.history(group, before: nil, limit: 10).get().publications.count == 1)
    await #expect(throws: RedisTestClient.ErrorReply.self) {
      try await RedisTestClient.send(["SET", "foreign", "1"], to: account)
    }
    try await backplane.stop().get()
    withExtendedLifetime(replica) {}
  }

  @Test func `A gateway has two connections to each server, whatever the number of groups`()
    async throws
  {
    let cluster = try await TestCluster.start(.twoRedis)
    for number in 0..<50 { _ = try await cluster.publish(cluster.group("g\(number)"), 1) }
    for redis in cluster.redis {
      let list = try await redis.command("CLIENT", "LIST").text ?? ""
      let ours = list.split(separator: "\n").filter { $0.contains("name=martlet-node0-") }
      #expect(ours.count == 2)
    }
    try await cluster.stop()
  }

  @Test func `Publications wait for a replica if they have to, and say so if there is none`()
    async throws
  {
    let cluster = try await TestCluster.start(.oneRedis)
    var request = Example.request(cluster.group("g"), 1, id: "x")
    request.durability = .replicated
    let error = await #expect(throws: BackplaneError.self) {
      try await cluster.backplanes[0].publish(request).get()
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("replica"))
    let replica = try await RedisServerProcess.start(replicaOf: cluster.redis[0].server)
    let outcome = try await cluster.backplanes[0].publish(request).get()
    #expect(outcome.isRepeat && outcome.position?.offset == 1)
    withExtendedLifetime(replica) {}
    try await cluster.stop()
  }

  @Test func `A reader that cannot see whether it has missed entries has its groups compared`()
    async throws
  {
    let redis = try await RedisServerProcess.start()
    var configuration = RedisBackplaneConfiguration(
      sites: [.server(redis.server)],
      keyspace: RedisKeyspace(prefix: "test", shards: ShardMap(count: 1)), node: "n",
      shardStreamLength: 10)
    // The only looks at the cursor are those that follow from being behind.
    configuration.checkInterval = .hours(1)
    let backplane = RedisBackplane(
      configuration, eventLoops: [MultiThreadedEventLoopGroup.singleton.next()],
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onMismatch: { _ in })
    let recorder = DeliveryRecorder()
    backplane.start(delivering: recorder)
    try await eventually("the backplane is ready") {
      try await backplane.unreadiness().get().isEmpty
    }
    try await redis.command("ACL", "SETUSER", "default", "-xrange")
    // More than the stream holds, before the reader can read any of it.
    let flood = """
      for number = 1, 200 do
        redis.call('XADD', KEYS[1], 'MAXLEN', '10', '*', 'e', '- g {"n":' .. number .. '}')
      end
      """
    try await redis.command("EVAL", flood, "1", configuration.keyspace.stream(0))
    let group = GroupName(trusted: "g")
    try await eventually("the rest is delivered") { recorder.deliveries(of: group).count == 10 }
    try await eventually("groups are compared") { recorder.interruptions(of: 0) == 1 }
    try await backplane.stop().get()
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
    try await eventually("the subscriber is told to compare positions") {
      recorder.interruptions(of: backplane.shards.shard(of: group)) > 0
    }
    let recovery = try await backplane.recover(
      group, since: before, within: RecoveryBudget(publications: 10)
    ).get()
    #expect(recovery.position.epoch != before.epoch && recovery.position.offset == 1)
    #expect(recovery.missed == nil)
    again.kill()
    try await cluster.stop()
  }

  @Test func `Readers whose connections are killed go on where they were`() async throws {
    let cluster = try await TestCluster.start(.twoRedis)
    let group = cluster.group("g")
    let killers = cluster.redis.map { redis in
      RedisClient(
        RedisClient.Configuration(
          site: .server(redis.server), name: "killer", replyTimeout: .seconds(5)),
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
      #expect((0..<16).allSatisfy { recorder.interruptions(of: $0) == 0 })
    }
    for killer in killers { try await killer.stop().get() }
    try await cluster.stop()
  }

  private func observer(_ cluster: TestCluster) async throws -> RedisClient {
    let client = RedisClient(
      RedisClient.Configuration(
        site: .server(cluster.redis[0].server), name: "observer", replyTimeout: .seconds(5)),
      on: MultiThreadedEventLoopGroup.singleton.next(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    client.start()
    try await eventually("the observer is connected") {
      (try? await client.send(["PING"], key: "k").get()) != nil
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
    let keyspace = cluster.keyspace
    let observer = try await observer(cluster)
    // What a failover does: entries that were read are gone. A probe may come between and move the
    // reader on; then it is done again.
    try await eventually("the loss is noticed") {
      let stream = RedisCommand.Argument.text(keyspace.stream(shard))
      let tail = try await observer.send(["XREVRANGE", stream, "+", "-", "COUNT", "1"], key: "k")
        .get()
      let last = tail.elements?.first?.elements?.first?.text ?? ""
      _ = try await observer.send(["XDEL", stream, .text(last)], key: "k").get()
      try await Self.killReaders(observer)
      try? await eventually("the reader is back", within: .milliseconds(500)) {
        recorder.interruptions(of: shard) > 0
      }
      return recorder.interruptions(of: shard) > 0
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
    let keyspace = cluster.keyspace
    let observer = try await observer(cluster)
    try await eventually("the trimming is noticed") {
      _ = try await observer.send(
        ["XTRIM", .text(keyspace.stream(shard)), "MAXLEN", "0"], key: "k"
      ).get()
      try await Self.killReaders(observer)
      return recorder.interruptions(of: shard) > 0
    }
    try await observer.stop().get()
    try await cluster.stop()
  }

  private static func killReaders(_ killer: RedisClient) async throws {
    let list = try await killer.send(["CLIENT", "LIST"], key: "k").get().text ?? ""
    for line in list.split(separator: "\n") where line.contains("-gateway") {
      let id = line.split(separator: " ").first?.dropFirst("id=".count) ?? ""
      _ = try? await killer.send(["CLIENT", "KILL", "ID", .text(String(id))], key: "k").get()
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
    let cursor = id(50)
    func place(_ hasCursorEntry: Bool, _ last: UInt64?) -> ShardPlace {
      ShardPlace(hasCursorEntry: hasCursorEntry, last: last.map(id))
    }
    #expect(
      place(true, 90).verdict(cursor: cursor) == .init(cursor: cursor, isInterrupted: false))
    // Trimmed, or the tail is lost, or it is another stream.
    #expect(
      place(false, 90).verdict(cursor: cursor) == .init(cursor: id(90), isInterrupted: true))
    #expect(
      place(false, 20).verdict(cursor: cursor) == .init(cursor: id(20), isInterrupted: true))
    #expect(
      place(false, nil).verdict(cursor: cursor) == .init(cursor: .zero, isInterrupted: true))
    // The first look.
    #expect(place(false, 90).verdict(cursor: nil) == .init(cursor: id(90), isInterrupted: true))
    // The stream was empty, and is not any more: all of it is new.
    #expect(place(false, 90).verdict(cursor: .zero) == .init(cursor: .zero, isInterrupted: false))
  }

  @Test func `A record says the same when it is read`() throws {
    let request = PublishRequest(
      group: GroupName(trusted: "g_1"), event: ByteBuffer(string: #"{"a":"x y z"}"#),
      kind: .ephemeral, excluded: "c-1")
    let position = Position(epoch: try #require(Epoch("e1")), offset: 7)
    #expect(
      PublicationRecord(
        head: ByteBuffer(string: "p 7 e1"), body: PublicationRecord.body(request))
        == .delivery(
          Delivery(
            group: request.group, position: position, excluded: "c-1", event: request.event)))
    let probe = PublicationRecord.probeBody(node: "node", number: 5)
    #expect(
      PublicationRecord(head: ByteBuffer(string: "b"), body: ByteBuffer(string: probe))
        == .probe(node: "node", number: 5))
  }

  @Test func `A record that begins a continuing epoch says which it continues`() throws {
    let position = Position(epoch: try #require(Epoch("e2")), offset: 8)
    #expect(
      PublicationRecord(
        head: ByteBuffer(string: "c 8 e2 e1"), body: ByteBuffer(string: #"- g {"a":1}"#))
        == .delivery(
          Delivery(
            group: GroupName(trusted: "g"), position: position, continues: Epoch("e1"),
            excluded: nil, event: ByteBuffer(string: #"{"a":1}"#))))
  }

  @Test(arguments: [
    ("", ""), ("p", "- g {}"), ("p 1", "- g {}"), ("p 1 -", "- g {}"), ("p 1 e", "- g"),
    ("p 1 e", "{}"), ("p 0 e", "- g {}"), ("p 9007199254740992 e", "- g {}"), ("c 8 e2", "- g {}"),
    ("e", "- g"), ("b", "n"), ("b", "n x"), ("z", "1"),
  ])
  func `What is no record is not taken for one`(head: String, body: String) {
    #expect(
      PublicationRecord(head: ByteBuffer(string: head), body: ByteBuffer(string: body)) == nil)
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
    #expect(after(.milliseconds(3), entries: 100) == .milliseconds(5))
    // Quiet again: no wait.
    #expect(after(.milliseconds(50)) == .zero)
  }

  @Test func `All streams are read while wake-ups bring much, until they bring little`() {
    var policy = LingerPolicy(streams: 16)
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    for entries in [1, 1, 1] {
      now = now + .milliseconds(1)
      _ = policy.wait(afterReceiving: entries, now: now)
    }
    #expect(!policy.isBusy)
    now = now + .milliseconds(2)
    // Four streams of one wake-up.
    for _ in 0..<4 { _ = policy.wait(afterReceiving: 1, now: now + .microseconds(10)) }
    #expect(policy.isBusy && policy.pace == LingerPolicy.linger)
    policy.polled(2)
    #expect(policy.isBusy)
    policy.polled(1)
    #expect(!policy.isBusy)
    var impatient = LingerPolicy(longest: .zero, streams: 16)
    #expect(impatient.wait(afterReceiving: 1_000, now: now) == .zero && !impatient.isBusy)
  }

  @Test func `A shard is deaf until its probe has come back, and again when probes stop coming`() {
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    var probe = ShardProbe(shards: 2, limit: .seconds(1), patience: .seconds(3), now: now)
    #expect(probe.deafShards(now: now) == [0, 1])
    let number = probe.nextRound(now: now)
    now = now + .milliseconds(5)
    probe.returned(shard: 1, number: number, now: now)
    #expect(probe.roundTrips == [nil, .milliseconds(5)])
    #expect(probe.deafShards(now: now) == [0])
    probe.returned(shard: 0, number: 99, now: now)
    #expect(probe.deafShards(now: now) == [0])
    #expect(probe.deafShards(now: now + .seconds(2)) == [0, 1])
  }

  @Test func `The reader of a deaf shard is made anew, and then given time`() {
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    var probe = ShardProbe(shards: 2, limit: .seconds(1), patience: .seconds(3), now: now)
    var revived: [[Int]] = []
    for _ in 0..<70 {
      now = now + .milliseconds(100)
      probe.returned(shard: 1, number: probe.nextRound(now: now), now: now)
      revived.append(probe.shardsToRevive(now: now))
    }
    #expect(revived.filter { !$0.isEmpty } == [[0], [0]])
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

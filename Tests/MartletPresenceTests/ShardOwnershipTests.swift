import MartletBackplane
import MartletCore
import MartletRedis
import MartletTestSupport
import NIOCore
import Testing

@testable import MartletPresence

@Suite("Ownership of shards", .timeLimit(.minutes(2)))
struct ShardOwnershipTests {
  @Test("two aggregators share the shards; one that stops hands over at once")
  func split() async throws {
    let cluster = try await PresenceCluster()
    let first = cluster.aggregator()
    try await eventually("the first owns all") { try await first.statistics.ownedShards == 4 }
    let second = cluster.aggregator()
    try await eventually("each owns half") {
      let (left, right) = (try await first.statistics, try await second.statistics)
      return left.ownedShards == 2 && right.ownedShards == 2
    }
    let before = try await cluster.owners()
    try await first.service.stop().get()
    // Its leases would have lasted for up to 3 s more.
    let after = try await cluster.owners()
    let kept = before.filter { after[$0] == $1 }
    #expect(before.count == 4 && kept.count == 2)
    try await eventually("the second owns all") { try await second.statistics.ownedShards == 4 }
    try await second.service.stop().get()
    try await cluster.end()
  }

  @Test("a dead aggregator is replaced, which goes on where it was, also within a grace")
  func takeover() async throws {
    let cluster = try await PresenceCluster(grace: .seconds(5))
    let first = cluster.aggregator()
    let gateway = cluster.gateway()
    gateway.service.join(Examples.session("c1"))
    gateway.service.join(Examples.session("c2", Examples.bob))
    try await eventually("both are announced") { cluster.collector.diffs.count == 2 }
    gateway.service.leave(Examples.session("c2", Examples.bob))
    try await eventually("bob's grace has begun") { try await gateway.members.last == "bob:0" }
    let resume = first.pause()
    let second = cluster.aggregator()
    try await eventually("the second owns all") { try await second.statistics.ownedShards == 4 }
    try await eventually("bob's leave is announced") { cluster.collector.diffs.last == "-bob" }
    gateway.service.join(Examples.session("c3", User(id: "cy", name: nil)))
    try await eventually("the second announces") { cluster.collector.diffs.last == "+cy" }
    // The former owner wakes up and finds out; nothing is announced twice.
    resume()
    try await eventually("the shards are shared again") {
      let (left, right) = (try await first.statistics, try await second.statistics)
      return left.ownedShards == 2 && right.ownedShards == 2
    }
    gateway.service.leave(Examples.session("c1"))
    try await eventually("ann's leave is announced") { cluster.collector.diffs.last == "-ann" }
    #expect(cluster.collector.diffs == ["+ann", "+bob", "-bob", "+cy", "-ann"])
    try await gateway.service.stop().get()
    try await first.service.stop().get()
    try await second.service.stop().get()
    try await cluster.end()
  }

  @Test("an owner with an old token cannot write")
  func staleOwner() async throws {
    let cluster = try await PresenceCluster()
    let configuration = cluster.configuration("writer")
    let keyspace = configuration.backplane.keyspace
    let shard = keyspace.shards.shard(of: Examples.group)
    let client = RedisClient(
      RedisClient.Configuration(
        site: .server(cluster.redis.server), name: "test", replyTimeout: .seconds(5)),
      on: cluster.loop, logger: PresenceCluster.logger)
    client.start()
    try await eventually("the client is connected") {
      (try? await client.send(["PING"], key: "k").get()) != nil
    }
    func claim(_ daemon: String) async throws -> String? {
      try await client.evaluate(
        PresenceScripts.claim,
        keys: [
          keyspace.presenceOwner(shard), keyspace.presenceToken(shard),
          keyspace.presenceServed(shard),
        ],
        arguments: [.text(daemon), .number(50)]
      ).get().elements?.first?.text
    }
    func write(as owner: String) async throws {
      let profile = MemberProfile(user: Examples.ann, joinedAt: 1, metas: [])
      let step: PresenceStep = [
        .listed(Examples.group, profile, connections: 1),
        .announced(PresenceDiff(group: Examples.group, kind: .joined(profile, count: 1))),
      ]
      try await store(owner).commit([step], cursor: "7-0").get()
    }
    /// Notices go to other shards, where this owner owns nothing.
    func tell(_ status: UserStatus, as owner: String) async throws {
      let user = UserKey(tenant: nil, id: Examples.ann.id)
      let notice = StatusNotice(
        key: StatusNotice.Key(group: Examples.group, user: user), user: Examples.ann,
        status: status)
      try await store(owner).deliver(notice).get()
    }
    func store(_ owner: String) -> Store {
      Store(
        loop: client.eventLoop,
        make: {
          RedisPresenceStore(
            configuration, shard: shard, claim: ShardClaim(owner: owner, time: 0),
            client: client, clientOfShard: { _ in client })
        })
    }
    let former = try #require(try await claim("one"))
    try await eventually("the lease has run out, and two takes the shard") {
      try await claim("two") != nil
    }
    let again = try #require(try await claim("two"))
    #expect(again != former)
    await #expect(throws: ShardLost.self) { try await write(as: former) }
    #expect(
      try await client.send(["EXISTS", .text(keyspace.members(Examples.group))], key: "k").get()
        .number == 0)
    let owner = try #require(
      try await client.send(["SET", .text(keyspace.presenceOwner(shard)), .text(again)], key: "k")
        .get().text)
    #expect(owner == "OK")
    try await write(as: again)
    #expect(
      try await client.send(["GET", .text(keyspace.presenceCursor(shard))], key: "k").get().text
        == "7-0")
    try await eventually("the diff arrives once") { cluster.collector.diffs == ["+ann"] }
    try await tell(.away, as: again)
    await #expect(throws: ShardLost.self) { try await tell(.doNotDisturb, as: former) }
    try await eventually("the status arrives") { cluster.collector.diffs.last == "ann=away" }
    try await client.stop().get()
    try await cluster.end()
  }

  @Test("a share is at most the fair one, and remembered shards are taken first")
  func fairShare() {
    let share = ShardShare(count: 5, daemons: ["a", "b"], daemon: "b")
    #expect(share.quota == 3)
    #expect(share.surplus(of: [0, 1, 2, 3, 4]).count == 2)
    #expect(share.surplus(of: [0, 2, 4]).isEmpty)
    #expect(share.claims(among: [0, 1, 2, 3, 4], owned: 1, remembered: [4]) == [4, 1])
    #expect(share.claims(among: [0], owned: 3, remembered: []) == [])
    #expect(ShardShare(count: 5, daemons: [], daemon: "a").quota == 5)
  }
}

/// A store on the loop where it belongs.
private struct Store {
  var loop: any EventLoop
  var make: @Sendable () -> RedisPresenceStore

  func commit(_ steps: [PresenceStep], cursor: String?) -> EventLoopFuture<Void> {
    loop.flatSubmit { make().commit(steps, cursor: cursor) }
  }

  func deliver(_ notice: StatusNotice) -> EventLoopFuture<Void> {
    loop.flatSubmit { make().deliver(notice) }
  }
}

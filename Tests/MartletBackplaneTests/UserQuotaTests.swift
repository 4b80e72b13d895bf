import Logging
import MartletCore
import MartletTestSupport
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import Testing

@testable import MartletBackplane

/// What quotas promise (UserQuota.swift), alone and over several gateways.
@Suite(.sharedRedisCluster) struct UserQuotaTests {
  private let user = UserKey(tenant: TenantName("acme"), id: "ann/1")

  private func withEach(
    _ implementation: BackplaneUnderTest,
    _ body: (TestCluster, [any UserQuota]) async throws -> Void
  ) async throws {
    let cluster = try await TestCluster.start(implementation)
    let quotas: [any UserQuota] =
      implementation == .inMemory
      ? [InMemoryUserQuota(on: MultiThreadedEventLoopGroup.singleton.next())]
      : cluster.backplanes.compactMap { ($0 as? RedisBackplane)?.userQuota }
    do {
      try await body(cluster, quotas)
    } catch {
      try await cluster.stop()
      throw error
    }
    try await cluster.stop()
  }

  /// Asks so often at once, dealt over `quotas`, and counts what was allowed.
  private func spend(
    _ count: Int, of user: UserKey, _ quota: Quota, _ quotas: [any UserQuota]
  ) async throws -> Int {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let answers = (0..<count).map { quotas[$0 % quotas.count].spend(user, quota: quota) }
    return try await EventLoopFuture.whenAllSucceed(answers, on: loop).get()
      .count { $0 == .allowed }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `Gateways share a quota exactly`(_ implementation: BackplaneUnderTest) async throws {
    try await withEach(implementation) { _, quotas in
      let quota = Quota(count: 100, per: .seconds(600))
      #expect(try await spend(250, of: user, quota, quotas) == 100)
      for each in quotas {
        guard case .refused(let wait) = try await each.spend(user, quota: quota).get() else {
          Issue.record("more than the quota were allowed")
          continue
        }
        #expect((1...600_000).contains(wait))
      }
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `Users, tenants and scopes are counted apart`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { _, quotas in
      let quota = Quota(count: 2, per: .seconds(600))
      let users = [
        user, UserKey(tenant: TenantName("other"), id: "ann/1"), UserKey(tenant: nil, id: "ann/1"),
      ]
      for user in users {
        let allowed = try await spend(5, of: user, quota, quotas)
        #expect(allowed == 2)
      }
      for scope in ["/ws/a", "/ws/b"] {
        let own = Quota(count: 3, per: .seconds(600), scope: scope)
        let allowed = try await spend(5, of: user, own, quotas)
        #expect(allowed == 3)
      }
    }
  }

  @Test(arguments: BackplaneUnderTest.allCases)
  func `After the time that was named there is one more`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { _, quotas in
      let quota = Quota(count: 3, per: .milliseconds(300))
      // A slow machine may need longer than the period.
      try await eventually("the quota is used up") {
        try await spend(4, of: user, quota, quotas) <= 3
      }
      for _ in 0..<2 {
        try await eventually("time makes room") {
          try await quotas[0].spend(user, quota: quota).get() == .allowed
        }
      }
    }
  }

  @Test func `A user far over the quota costs no question per publication`() async throws {
    try await withEach(.oneRedis) { cluster, quotas in
      let quota = Quota(count: 5, per: .seconds(600))
      #expect(try await spend(20, of: user, quota, [quotas[0]]) == 5)
      // By digest, and with the source where the server has not seen it from this gateway.
      func questions() async throws -> [String] {
        let statistics =
          try await RedisTestClient.send(
            ["INFO", "commandstats"], to: cluster.redis[0].server
          ).text ?? ""
        return statistics.split(separator: "\r\n")
          .filter { $0.hasPrefix("cmdstat_eval") }
          .compactMap { $0.split(separator: ",").first.map(String.init) }
      }
      let before = try await questions()
      #expect(!before.isEmpty)
      #expect(try await spend(500, of: user, quota, [quotas[0]]) == 0)
      #expect(try await questions() == before)
      // The other gateway has to ask once.
      #expect(try await spend(1, of: user, quota, [quotas[1]]) == 0)
      #expect(try await questions() != before)
    }
  }

  @Test(arguments: [BackplaneUnderTest.oneRedis, .twoRedis, .redisCluster])
  func `A flushed script cache changes nothing`(
    _ implementation: BackplaneUnderTest
  ) async throws {
    try await withEach(implementation) { cluster, quotas in
      let quota = Quota(count: 10, per: .seconds(600))
      #expect(try await spend(4, of: user, quota, quotas) == 4)
      let servers =
        implementation == .redisCluster
        ? SharedRedisCluster.seeds : cluster.redis.map(\.server)
      for server in servers { _ = try await RedisTestClient.send(["SCRIPT", "FLUSH"], to: server) }
      #expect(try await spend(10, of: user, quota, quotas) == 6)
    }
  }

  @Test func `The count is kept in the home's slot, and for a period only`() async throws {
    try await withEach(.oneRedis) { cluster, quotas in
      let quota = Quota(count: 3, per: .seconds(500), scope: "/ws")
      #expect(try await spend(9, of: user, quota, quotas) == 3)
      let key = cluster.keyspace.quota(quota, user)
      let home = cluster.keyspace.shards.home(of: user)
      #expect(RedisSlot.of(key: key) == RedisSlot.of(key: cluster.keyspace.stream(home)))
      let server = cluster.redis[0].server
      #expect(try await RedisTestClient.send(["LLEN", key], to: server).number == 3)
      let ttl = try await RedisTestClient.send(["PTTL", key], to: server).number ?? -1
      #expect((1...500_000).contains(ttl))
      // A quota that was lowered looks at its own number of times.
      let lower = Quota(count: 2, per: .seconds(500), scope: "/ws")
      #expect(try await spend(2, of: user, lower, quotas) == 0)
    }
  }

  @Test func `A server whose clock is behind makes nobody wait longer than a period`() async throws
  {
    try await withEach(.oneRedis) { cluster, quotas in
      let quota = Quota(count: 1, per: .seconds(60))
      let key = cluster.keyspace.quota(quota, user)
      _ = try await RedisTestClient.send(
        ["RPUSH", key, "99999999999999"], to: cluster.redis[0].server)
      #expect(
        try await quotas[0].spend(user, quota: quota).get()
          == .refused(retryAfterMilliseconds: 60_000))
    }
  }

  @Test func `Without Redis each gateway holds the quota by itself, until it is back`()
    async throws
  {
    try await withEach(.oneRedis) { cluster, quotas in
      let quota = Quota(count: 5, per: .seconds(600))
      cluster.redis[0].kill()
      for each in quotas { #expect(try await spend(20, of: user, quota, [each]) == 5) }
      try await cluster.redis[0].restart()
      let other = UserKey(tenant: nil, id: "back")
      let key = cluster.keyspace.quota(Quota(count: 1_000, per: .seconds(600)), other)
      try await eventually("Redis counts again") {
        _ = try await quotas[0].spend(other, quota: Quota(count: 1_000, per: .seconds(600))).get()
        let length = try await RedisTestClient.send(["LLEN", key], to: cluster.redis[0].server)
        return (length.number ?? 0) > 0
      }
      // It has restarted with nothing, and what was counted without it is forgotten.
      try await eventually("the gateways share again") {
        try await spend(4, of: user, quota, quotas) > 0
      }
      #expect(try await spend(20, of: user, quota, quotas) <= 5)
    }
  }
}

@Suite struct QuotaMemoryTests {
  private let quota = Quota(count: 1, per: .seconds(60))

  private func key(_ number: Int) -> QuotaTable.Key {
    QuotaTable.Key(user: UserKey(tenant: nil, id: "\(number)"), quota: quota)
  }

  @Test func `A refusal is known until its end`() {
    var memory = QuotaMemory()
    let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    #expect(memory.refusal(of: key(1), now: start) == nil)
    memory.refused(key(1), until: start + .milliseconds(10), now: start)
    #expect(
      memory.refusal(of: key(1), now: start + .microseconds(9_500))
        == .refused(retryAfterMilliseconds: 1))
    #expect(memory.refusal(of: key(2), now: start) == nil)
    #expect(memory.refusal(of: key(1), now: start + .milliseconds(10)) == nil)
    #expect(memory.refusalCount == 0)
  }

  @Test func `Refusals are bounded, and those that are over make room`() {
    var memory = QuotaMemory()
    let start = NIODeadline.uptimeNanoseconds(0)
    for number in 0...QuotaMemory.capacity {
      memory.refused(key(number), until: start + .seconds(1), now: start)
    }
    #expect(memory.refusalCount == QuotaMemory.capacity)
    #expect(memory.refusal(of: key(QuotaMemory.capacity), now: start) == nil)
    let later = start + .seconds(2)
    memory.refused(key(-1), until: later + .seconds(1), now: later)
    #expect(memory.refusalCount == 1 && memory.refusal(of: key(-1), now: later) != nil)
  }

  @Test func `A site that fails is left alone for a while`() {
    var memory = QuotaMemory()
    let start = NIODeadline.uptimeNanoseconds(0)
    memory.failed(1, now: start)
    #expect(memory.isPaused(1, now: start) && !memory.isPaused(0, now: start))
    #expect(!memory.isPaused(1, now: start + QuotaMemory.pause))
  }

  @Test func `A table forgets users whose time is over`() {
    var table = QuotaTable()
    for number in 0..<5_000 { _ = table.spend(key(number), now: .seconds(number)) }
    #expect(table.count < 2_100)
    // Not those whose time is not.
    #expect(
      table.spend(key(4_999), now: .seconds(5_000)) == .refused(retryAfterMilliseconds: 59_000))
  }

  @Test func `The process's clock ends a refusal`() async throws {
    let now = Mutex(NIODeadline.uptimeNanoseconds(5))
    let quota = InMemoryUserQuota(on: MultiThreadedEventLoopGroup.singleton.next()) {
      now.withLock { $0 }
    }
    let user = UserKey(tenant: nil, id: "ann")
    #expect(try await quota.spend(user, quota: self.quota).get() == .allowed)
    #expect(
      try await quota.spend(user, quota: self.quota).get()
        == .refused(retryAfterMilliseconds: 60_000))
    now.withLock { $0 = $0 + .seconds(60) }
    #expect(try await quota.spend(user, quota: self.quota).get() == .allowed)
  }
}

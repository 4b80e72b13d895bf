import Logging
import MartletCore
import MartletRedis
import MartletTestSupport
import NIOCore
import NIOPosix
import Synchronization

@testable import MartletBackplane

/// The implementations that the conformance suite covers.
enum BackplaneUnderTest: String, CaseIterable, Sendable {
  case inMemory
  case oneRedis
  case twoRedis
  case redisCluster

  var redisCount: Int {
    switch self {
    case .inMemory, .redisCluster: 0
    case .oneRedis: 1
    case .twoRedis: 2
    }
  }
}

/// Two gateways' backplanes (one, if they live in memory) with what they receive.
final class TestCluster {
  let redis: [RedisServerProcess]
  let keyspace: RedisKeyspace
  let backplanes: [any Backplane]
  let recorders: [DeliveryRecorder]

  private init(
    redis: [RedisServerProcess], prefix: String, backplanes: [any Backplane]
  ) async throws {
    self.redis = redis
    self.keyspace = RedisKeyspace(prefix: prefix, shards: backplanes[0].shards)
    self.backplanes = backplanes
    self.recorders = backplanes.map { _ in DeliveryRecorder() }
    for (backplane, recorder) in zip(backplanes, recorders) {
      backplane.start(delivering: recorder)
    }
    for backplane in backplanes {
      try await eventually("the backplane is ready") {
        try await backplane.unreadiness().get().isEmpty
      }
    }
  }

  static func start(_ implementation: BackplaneUnderTest) async throws -> TestCluster {
    let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator())
    var redis: [RedisServerProcess] = []
    for _ in 0..<implementation.redisCount { redis.append(try await RedisServerProcess.start()) }
    if implementation == .inMemory {
      let backplane = InMemoryBackplane(shards: ShardMap(count: 16), eventLoops: loops)
      return try await TestCluster(redis: [], prefix: "", backplanes: [backplane])
    }
    let sites: [RedisSite] =
      implementation == .redisCluster
      ? [.cluster(seeds: SharedRedisCluster.seeds)] : redis.map { .server($0.server) }
    let prefix = "test-\(UInt32.random(in: 0...UInt32.max))"
    let backplanes = (0..<2).map { number in
      backplane(sites, node: "node\(number)", prefix: prefix)
    }
    return try await TestCluster(redis: redis, prefix: prefix, backplanes: backplanes)
  }

  /// A backplane on Redis that is not started yet.
  static func backplane(
    _ sites: [RedisSite], node: String, prefix: String = "test", shards: Int = 16,
    onMismatch: @escaping @Sendable (BackplaneError) -> Void = { _ in }
  ) -> RedisBackplane {
    var configuration = RedisBackplaneConfiguration(
      sites: sites,
      keyspace: RedisKeyspace(prefix: prefix, shards: ShardMap(count: shards)), node: node,
      publishTimeout: .seconds(2))
    configuration.probeInterval = .milliseconds(100)
    return RedisBackplane(
      configuration, eventLoops: Array(MultiThreadedEventLoopGroup.singleton.makeIterator()),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onMismatch: onMismatch)
  }

  /// The backplane farthest from the one that publishes.
  var last: any Backplane { backplanes[backplanes.count - 1] }

  func group(_ name: String) -> GroupName { GroupName(trusted: name) }

  /// Publishes example event `number`, keeping at least `keep`.
  func publish(_ group: GroupName, _ number: Int, keep: Int = 100) async throws -> Position {
    let outcome = try await backplanes[0].publish(Example.request(group, number, keep: keep)).get()
    guard let position = outcome.position else { throw NeverTrue(what: "a position is given") }
    return position
  }

  func stop() async throws {
    for backplane in backplanes { try await backplane.stop().get() }
    for server in redis { server.kill() }
  }
}

/// Events to publish.
enum Example {
  static func event(_ number: Int) -> String { #"{"type":"x","number":\#(number)}"# }

  static func request(
    _ group: GroupName, _ number: Int, keep: Int = 100, id: String? = nil
  ) -> PublishRequest {
    PublishRequest(
      group: group, event: ByteBuffer(string: event(number)),
      kind: .published(Retention(size: keep, ttl: .seconds(60))), idempotencyID: id)
  }
}

/// Keeps what a backplane delivers.
final class DeliveryRecorder: BackplaneSubscriber {
  private struct Record {
    var deliveries: [GroupName: [Delivery]] = [:]
    var interruptions: [Int: Int] = [:]
  }

  private let record = Mutex(Record())

  func received(_ deliveries: [Delivery], shard: Int) {
    record.withLock { record in
      for delivery in deliveries { record.deliveries[delivery.group, default: []].append(delivery) }
    }
  }

  func interrupted(shard: Int) {
    record.withLock { $0.interruptions[shard, default: 0] += 1 }
  }

  func deliveries(of group: GroupName) -> [Delivery] {
    record.withLock { $0.deliveries[group] ?? [] }
  }

  /// Without that of the first connect.
  func interruptions(of shard: Int) -> Int {
    record.withLock { max(($0.interruptions[shard] ?? 0) - 1, 0) }
  }
}

import Dispatch
import Logging
import MartletBackplane
import MartletCore
import MartletRedis
import MartletTestSupport
import NIOCore
import NIOPosix

@testable import MartletPresence

/// A Redis with gateways and aggregators, each on a loop of its own that can be paused like a process.
final class PresenceCluster {
  static let shards = 4

  private(set) var redis: RedisServerProcess
  let collector = DiffCollector()
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 8)
  private let backplane: RedisBackplane
  private var nodes = 0
  private let grace: Duration

  /// - Parameters:
  ///   - isRunning: whether Redis is there from the beginning.
  ///   - grace: longer for a test that looks at somebody within it.
  init(isRunning: Bool = true, grace: Duration = .milliseconds(500)) async throws {
    self.grace = grace
    redis = try await RedisServerProcess.start()
    if !isRunning { redis.kill() }
    backplane = RedisBackplane(
      Self.configuration(redis.server, node: "observer").backplane, eventLoops: [group.next()],
      logger: Self.logger, onMismatch: { _ in })
    backplane.start(delivering: collector)
    if isRunning {
      let backplane = backplane
      try await eventually("the observer sees all shards", within: .seconds(30)) {
        try await backplane.unreadiness().get().isEmpty
      }
    }
  }

  static let logger: Logger = {
    var logger = Logger(label: "test", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = .critical
    return logger
  }()

  static func configuration(
    _ server: RedisServer, node: String, grace: Duration = .milliseconds(500)
  ) -> RedisPresenceConfiguration {
    var rules = PresenceRules()
    rules.grace = grace
    rules.drainGrace = .milliseconds(1_500)
    rules.batch = .milliseconds(50)
    return RedisPresenceConfiguration(
      backplane: RedisBackplaneConfiguration(
        sites: [.server(server)],
        keyspace: RedisKeyspace(prefix: "t", shards: ShardMap(count: shards)), node: node),
      rules: rules, lease: .seconds(5), reportInterval: .milliseconds(5))
  }

  /// A loop that nothing else runs on.
  var loop: any EventLoop { group.next() }

  func configuration(_ role: String) -> RedisPresenceConfiguration {
    nodes += 1
    return Self.configuration(redis.server, node: "\(role)\(nodes)", grace: grace)
  }

  func gateway(
    _ adjust: (inout RedisPresenceConfiguration) -> Void = { _ in }
  ) -> Node<RedisPresence> {
    let loop = group.next()
    var configuration = configuration("gateway")
    adjust(&configuration)
    let presence = RedisPresence(configuration, eventLoops: [loop], logger: Self.logger)
    presence.start()
    return Node(service: presence, loop: loop)
  }

  func aggregator(
    _ adjust: (inout RedisPresenceConfiguration) -> Void = { _ in }
  ) -> Node<PresenceAggregatorService> {
    let loop = group.next()
    var configuration = configuration("aggregator")
    adjust(&configuration)
    let service = PresenceAggregatorService(
      configuration, eventLoop: loop, logger: Self.logger)
    service.start()
    return Node(service: service, loop: loop)
  }

  /// Ends Redis as a crash would, and starts an empty one at the same place.
  func restartRedisEmpty() async throws {
    redis.kill()
    redis = try await RedisServerProcess.start(port: redis.server.port)
  }

  /// Makes Redis forget everything while its connections stay.
  func flushRedis() async throws {
    _ = try await send(["FLUSHALL"])
  }

  /// Whether members of `group` are stored.
  func hasPersisted(_ group: GroupName) async throws -> Bool {
    let key = Self.configuration(redis.server, node: "").backplane.keyspace.members(group)
    return (try? await send(["EXISTS", .text(key)]))?.number == 1
  }

  /// The owners, with their tokens, of the shards that have one.
  func owners() async throws -> [Int: String] {
    let keyspace = Self.configuration(redis.server, node: "").backplane.keyspace
    var owners: [Int: String] = [:]
    for shard in 0..<Self.shards {
      let reply = try await send(["GET", .text(keyspace.presenceOwner(shard))])
      owners[shard] = reply.text
    }
    return owners
  }

  private func send(_ command: RedisCommand) async throws -> RedisValue {
    let client = RedisClient(
      RedisClient.Configuration(
        site: .server(redis.server), name: "test", replyTimeout: .seconds(5)),
      on: loop, logger: Self.logger)
    client.start()
    try await eventually("the client is connected") {
      (try? await client.send(["PING"], key: "k").get()) != nil
    }
    let reply = try await client.send(command, key: "k").get()
    try await client.stop().get()
    return reply
  }

  func startRedis() async throws {
    redis = try await RedisServerProcess.start(port: redis.server.port)
  }

  func end() async throws {
    try await backplane.stop().get()
    redis.kill()
    try await group.shutdownGracefully()
  }
}

/// A program of a ``PresenceCluster``.
struct Node<Service: Sendable>: Sendable {
  var service: Service
  var loop: any EventLoop

  /// Stops all its work until the answer is called, as SIGSTOP and SIGCONT would.
  func pause() -> @Sendable () -> Void {
    let semaphore = DispatchSemaphore(value: 0)
    loop.execute { semaphore.wait() }
    return { semaphore.signal() }
  }
}

extension Node<PresenceAggregatorService> {
  var statistics: PresenceStatistics {
    get async throws { try await service.statistics().get() }
  }
}

extension Node<RedisPresence> {
  /// The members of ``Examples/group`` as `USER:CONNECTIONS`, in the order of their ids.
  var members: [String] {
    get async throws {
      let page = try await service.members(of: Examples.group, page: .init(limit: 100)).get()
      return page.members.map { "\($0.userID):\($0.connections)" }.sorted()
    }
  }
}

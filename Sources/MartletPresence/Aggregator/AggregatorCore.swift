internal import Logging
internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// The part of a ``PresenceAggregatorService`` that lives on its event loop: the timers, and the division of the
/// shards among the daemons.
final class AggregatorCore {
  private let configuration: RedisPresenceConfiguration
  private let daemon: String
  private let eventLoop: any EventLoop
  private let logger: Logger
  private var servers: [ServerAggregator] = []
  /// Of the first server, where daemons attend.
  private var attendance: RedisClient?
  private var share: ShardShare
  private var timers: [RepeatedTask] = []
  private var isDealing = false
  private var isStopped = false

  init(_ configuration: RedisPresenceConfiguration, eventLoop: any EventLoop, logger: Logger) {
    self.configuration = configuration
    self.eventLoop = eventLoop
    self.daemon = Incarnation.random(of: configuration.backplane.node)
    var logger = logger
    logger[metadataKey: "daemon"] = "\(daemon)"
    self.logger = logger
    self.share = ShardShare(
      count: configuration.backplane.keyspace.shards.count, daemons: [], daemon: daemon)
  }

  // MARK: Life

  func start() {
    guard servers.isEmpty, !isStopped else { return }
    for index in configuration.backplane.servers.indices { connect(index) }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timers = [
      eventLoop.scheduleRepeatedTask(
        initialDelay: configuration.ownershipInterval, delay: configuration.ownershipInterval
      ) { _ in bound.value.deal() },
      eventLoop.scheduleRepeatedTask(
        initialDelay: configuration.observationInterval, delay: configuration.observationInterval
      ) { _ in
        for server in bound.value.servers { server.observeGateways() }
      },
    ]
  }

  private func connect(_ index: Int) {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let server = ServerAggregator(
      configuration, daemon: daemon, server: index, logger: logger
    ) { bound.value.deal() }
    let aggregator = NIOLoopBound(server, eventLoop: eventLoop)
    let backplane = configuration.backplane
    func client(
      _ role: String, _ scripts: [RedisScript], _ onConnect: @escaping @Sendable () -> Void,
      _ onDisconnect: @escaping @Sendable () -> Void
    ) -> RedisClient {
      RedisClient(
        RedisClient.Configuration(
          server: backplane.servers[index], name: "martlet-\(backplane.node)-\(role)",
          replyTimeout: backplane.publishTimeout, scripts: scripts,
          announcesOutages: role == "aggregator"),
        on: eventLoop, logger: logger, onConnect: onConnect, onDisconnect: onDisconnect)
    }
    let commands = client(
      "aggregator", PresenceScripts.aggregator, { aggregator.value.connected() },
      { aggregator.value.disconnected() })
    let reader = client(
      "aggregator-reader", [], { aggregator.value.readerConnected() },
      { aggregator.value.readerDisconnected() })
    if index == 0 { attendance = commands }
    servers.append(server)
    server.start(commands: commands, reader: reader)
  }

  func stop() -> EventLoopFuture<Void> {
    guard !isStopped else { return eventLoop.makeSucceededVoidFuture() }
    isStopped = true
    for timer in timers { timer.cancel() }
    if let attendance {
      _ = attendance.send([
        "ZREM", .text(configuration.backplane.keyspace.presenceDaemons), .text(daemon),
      ])
    }
    return EventLoopFuture.andAllComplete(servers.compactMap { $0.stop() }, on: eventLoop)
  }

  // MARK: Division

  /// Renews what is owned, counts who lives, gives back what is too much and takes what is free.
  private func deal() {
    guard !isStopped else { return }
    for server in servers { server.renewOwnerships() }
    guard !isDealing, let attendance else { return }
    isDealing = true
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    attendance.evaluate(
      PresenceScripts.attend, keys: [configuration.backplane.keyspace.presenceDaemons],
      arguments: [.text(daemon), .number(configuration.ownershipLeaseMilliseconds)]
    ).whenComplete { bound.value.attended($0) }
  }

  private func attended(_ result: Result<RedisValue, any Error>) {
    guard !isStopped else { return }
    // While the first server is away, whoever lived before is taken to live.
    if case .success(let reply) = result {
      share.daemons = (reply.elements ?? []).compactMap(\.text)
    }
    releaseSurplus()
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    EventLoopFuture.whenAllSucceed(servers.compactMap { $0.freeShards() }, on: eventLoop)
      .whenComplete { result in
        bound.value.isDealing = false
        bound.value.claim(among: ((try? result.get()) ?? []).flatMap(\.self))
      }
  }

  private func releaseSurplus() {
    for shard in share.surplus(of: servers.flatMap { Array($0.ownedShards) }) {
      server(of: shard).release(shard)
    }
  }

  private func claim(among free: [Int]) {
    guard !isStopped else { return }
    let claims = share.claims(
      among: free, owned: servers.reduce(0) { $0 + $1.ownedCount },
      remembered: servers.flatMap { Array($0.remembered) })
    for shard in claims { server(of: shard).claim(shard) }
  }

  private func server(of shard: Int) -> ServerAggregator {
    servers[configuration.backplane.server(ofShard: shard)]
  }

  // MARK: Questions

  func unreadiness() -> [String] {
    if servers.isEmpty { return ["not started"] }
    return servers.flatMap { $0.unreadiness() }
  }

  func statistics() -> PresenceStatistics {
    var statistics = PresenceStatistics()
    for server in servers { server.add(to: &statistics) }
    return statistics
  }
}

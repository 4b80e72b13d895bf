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
  private var sites: [SiteAggregator] = []
  private var clients: [RedisClient] = []
  /// Of the first site, where daemons attend.
  private var attendance: RedisClient? { clients.first }
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
    guard sites.isEmpty, !isStopped else { return }
    for index in configuration.backplane.sites.indices { connect(index) }
    for (site, client) in zip(sites, clients) { site.start(client) }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timers = [
      eventLoop.scheduleRepeatedTask(
        initialDelay: configuration.ownershipInterval, delay: configuration.ownershipInterval
      ) { _ in bound.value.deal() },
      eventLoop.scheduleRepeatedTask(
        initialDelay: configuration.observationInterval, delay: configuration.observationInterval
      ) { _ in
        for site in bound.value.sites { site.observeGateways() }
      },
    ]
  }

  private func connect(_ index: Int) {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let site = SiteAggregator(
      configuration, daemon: daemon, site: index, logger: logger,
      clientOfShard: {
        let core = bound.value
        return core.clients[core.configuration.backplane.site(ofShard: $0)]
      },
      onConnect: { bound.value.deal() })
    let aggregator = NIOLoopBound(site, eventLoop: eventLoop)
    var settings = configuration.backplane.client(ofSite: index, role: "aggregator")
    settings.patience = RedisPresenceConfiguration.patience
    settings.announcesOutages = true
    settings.onRing = { aggregator.value.rang($0) }
    let client = RedisClient(
      settings, on: eventLoop, logger: logger, onConnect: { aggregator.value.connected() },
      onDisconnect: { aggregator.value.disconnected() })
    clients.append(client)
    sites.append(site)
  }

  func stop() -> EventLoopFuture<Void> {
    guard !isStopped else { return eventLoop.makeSucceededVoidFuture() }
    isStopped = true
    for timer in timers { timer.cancel() }
    if let attendance {
      let key = configuration.backplane.keyspace.presenceDaemons
      _ = attendance.send(["ZREM", .text(key), .text(daemon)], key: key)
    }
    return EventLoopFuture.andAllComplete(sites.compactMap { $0.stop() }, on: eventLoop)
  }

  // MARK: Division

  /// Renews what is owned, counts who lives, gives back what is too much and takes what is free.
  private func deal() {
    guard !isStopped else { return }
    for site in sites { site.renewOwnerships() }
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
    // While the first site is away, whoever lived before is taken to live.
    if case .success(let reply) = result {
      share.daemons = (reply.elements ?? []).compactMap(\.text)
    }
    releaseSurplus()
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    EventLoopFuture.whenAllSucceed(sites.compactMap { $0.freeShards() }, on: eventLoop)
      .whenComplete { result in
        bound.value.isDealing = false
        bound.value.claim(among: ((try? result.get()) ?? []).flatMap(\.self))
      }
  }

  private func releaseSurplus() {
    for shard in share.surplus(of: sites.flatMap { Array($0.ownedShards) }) {
      site(of: shard).release(shard)
    }
  }

  private func claim(among free: [Int]) {
    guard !isStopped else { return }
    let claims = share.claims(
      among: free, owned: sites.reduce(0) { $0 + $1.ownedCount },
      remembered: sites.flatMap { Array($0.remembered) })
    for shard in claims { site(of: shard).claim(shard) }
  }

  private func site(of shard: Int) -> SiteAggregator {
    sites[configuration.backplane.site(ofShard: shard)]
  }

  // MARK: Questions

  func unreadiness() -> [String] {
    if sites.isEmpty { return ["not started"] }
    return sites.flatMap { $0.unreadiness() }
  }

  func statistics() -> PresenceStatistics {
    var statistics = PresenceStatistics()
    for site in sites { site.add(to: &statistics) }
    return statistics
  }
}

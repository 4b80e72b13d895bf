internal import Logging
internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// A daemon's shards on one site: who owns what there, and the reading of the owned shards' reports.
/// Confined to its event loop.
final class SiteAggregator {
  /// The most reports that one shard gives to one read.
  private static let maximumReports = 4
  /// Until a read that failed is tried again.
  private static let retryDelay = TimeAmount.milliseconds(500)
  /// Reports are looked for this often even if no bell rings.
  private static let pollInterval = TimeAmount.seconds(1)

  /// The reading of one shard's reports.
  private struct Reading {
    /// A read is under way, or what it brought is being committed.
    var isBusy = false
    /// There may be something to read.
    var isRung = true
  }

  private let configuration: RedisPresenceConfiguration
  private let daemon: String
  private let shards: [Int]
  private let shardOfKey: [String: Int]
  private let logger: Logger
  private let clientOfShard: (Int) -> RedisClient
  private let onConnect: () -> Void
  private var client: RedisClient?
  private(set) var isConnected = false
  private var wasConnected = false
  /// When the current connection was made, unless it is the first.
  private var reconnected: NIODeadline?
  private var owned: [Int: OwnedShard] = [:]
  /// What was known of shards that were lost, until somebody else has them.
  private var memories: [Int: PresenceState] = [:]
  private var claiming: Set<Int> = []
  /// Of shards that are owned no more.
  private var retired = PresenceStatistics()
  private var takeovers = 0
  /// In ms.
  private var lastTakeover: Int64 = 0
  private var readings: [Int: Reading] = [:]
  private var backlog = ReportBacklog()
  private var linger = LingerPolicy()
  private var nextRead = NIODeadline.uptimeNanoseconds(0)
  private var isScheduled = false
  private var polling: RepeatedTask?

  /// - Parameters:
  ///   - clientOfShard: also of shards on other sites.
  ///   - onConnect: called each time when commands can be sent.
  init(
    _ configuration: RedisPresenceConfiguration, daemon: String, site: Int, logger: Logger,
    clientOfShard: @escaping (Int) -> RedisClient, onConnect: @escaping () -> Void
  ) {
    self.configuration = configuration
    self.daemon = daemon
    self.shards = configuration.backplane.shards(ofSite: site)
    let keyspace = configuration.backplane.keyspace
    self.shardOfKey = Dictionary(
      uniqueKeysWithValues: shards.map { (keyspace.reports($0), $0) })
    self.logger = logger
    self.clientOfShard = clientOfShard
    self.onConnect = onConnect
  }

  // MARK: Life

  func start(_ client: RedisClient) {
    self.client = client
    client.start()
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    polling = client.eventLoop.scheduleRepeatedTask(
      initialDelay: Self.pollInterval, delay: Self.pollInterval
    ) { _ in bound.value.rang(nil) }
  }

  func connected() {
    isConnected = true
    if wasConnected { reconnected = .now() }
    wasConnected = true
    onConnect()
  }

  /// What became of the last commits is unknown: everything is loaded anew under new tokens.
  func disconnected() {
    isConnected = false
    claiming.removeAll()
    for shard in owned.values {
      _ = shard.abandon()
      retire(shard)
    }
  }

  /// Hands all shards over and closes the connections.
  func stop() -> EventLoopFuture<Void>? {
    guard let client else { return nil }
    let loop = client.eventLoop
    polling?.cancel()
    claiming.removeAll()
    let released = owned.values.map { $0.release() }
    for shard in owned.values { retire(shard) }
    memories.removeAll()
    return EventLoopFuture.andAllComplete(released, on: loop).flatMap { client.stop() }
  }

  // MARK: Ownership

  var ownedShards: some Collection<Int> { owned.keys }

  /// Shards that are owned, or will be if the claims under way succeed.
  var ownedCount: Int { owned.count + claiming.count }

  /// The shards of this site that the daemon had before and nobody else has taken.
  var remembered: some Collection<Int> { memories.keys }

  func renewOwnerships() {
    guard isConnected else { return }
    for shard in owned.values { shard.renewOwnership() }
  }

  func observeGateways() {
    guard isConnected else { return }
    for shard in owned.values { shard.observeGateways() }
  }

  /// The shards of this site that nobody else owns, and this daemon does not serve.
  func freeShards() -> EventLoopFuture<[Int]>? {
    guard isConnected, let client else { return nil }
    let asked = shards.filter { owned[$0] == nil && !claiming.contains($0) }
    let keyspace = configuration.backplane.keyspace
    let replies = asked.map { shard in
      let key = keyspace.presenceOwner(shard)
      return client.send(["GET", .text(key)], key: key)
    }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    let ours = daemon + " "
    return EventLoopFuture.whenAllSucceed(replies, on: client.eventLoop).map { owners in
      var free: [Int] = []
      for (shard, owner) in zip(asked, owners) {
        if owner.text.map({ $0.hasPrefix(ours) }) ?? true {
          free.append(shard)
        } else {
          bound.value.memories[shard] = nil
        }
      }
      return free
    }.recover { _ in [] }
  }

  /// Tries to take a shard; somebody else may be faster.
  func claim(_ shard: Int) {
    guard isConnected, let client, owned[shard] == nil, claiming.insert(shard).inserted
    else { return }
    let keyspace = configuration.backplane.keyspace
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    client.evaluate(
      PresenceScripts.claim,
      keys: [
        keyspace.presenceOwner(shard), keyspace.presenceToken(shard),
        keyspace.presenceServed(shard),
      ],
      arguments: [.text(daemon), .number(configuration.ownershipLeaseMilliseconds)]
    ).whenComplete { result in
      let reply = (try? result.get())?.elements
      guard let reply, reply.count == 3, let owner = reply[0].text, let time = reply[1].number
      else { return bound.value.claimed(shard, nil) }
      bound.value.claimed(
        shard, ShardClaim(owner: owner, time: time, unserved: reply[2].number))
    }
  }

  private func claimed(_ number: Int, _ claim: ShardClaim?) {
    // The connection was lost meanwhile, or the daemon stops.
    guard claiming.remove(number) != nil, let client, let claim else { return }
    let owner = claim.owner
    logger.debug("a shard was taken", metadata: ["shard": "\(number)", "owner": "\(owner)"])
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    let memory = memories.removeValue(forKey: number)
    let shard = OwnedShard(
      number, claim, configuration: configuration, client: client, clientOfShard: clientOfShard,
      isReturning: isReturning, logger: logger
    ) { bound.value.retire($0) }
    owned[number] = shard
    shard.load(memory: memory).whenComplete { _ in bound.value.begin(number, owner: owner) }
  }

  /// Whether Redis came back so lately that gateways may not have found it yet.
  private var isReturning: Bool {
    let allowance = TimeAmount(RedisPresenceConfiguration.reconnectAllowance)
    return reconnected.map { .now() - $0 < allowance } ?? false
  }

  /// Lets another daemon have a shard.
  func release(_ number: Int) {
    guard let shard = owned[number] else { return }
    logger.debug("a shard is handed over", metadata: ["shard": "\(number)"])
    _ = shard.release()
    retire(shard)
    memories[number] = nil
  }

  private func retire(_ shard: OwnedShard) {
    guard owned[shard.shard] === shard else { return }
    owned[shard.shard] = nil
    readings[shard.shard] = nil
    guard let aggregator = shard.aggregator else { return }
    retired.add(aggregator.counters)
    memories[shard.shard] = aggregator.state
  }

  // MARK: Reading

  /// Report streams have changed; nil: any of them may have.
  func rang(_ keys: [String]?) {
    for shard in keys.map({ $0.compactMap { shardOfKey[$0] } }) ?? Array(readings.keys) {
      readings[shard]?.isRung = true
    }
    scheduleReads()
  }

  /// The state of a shard is loaded, and its reports can be applied.
  private func begin(_ number: Int, owner: String) {
    guard let shard = owned[number], shard.owner == owner, shard.cursor != nil else { return }
    readings[number] = Reading()
    if let time = shard.takeoverTime {
      takeovers += 1
      lastTakeover = time
    }
    scheduleReads()
  }

  private func scheduleReads() {
    guard !isScheduled, let client else { return }
    isScheduled = true
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    client.eventLoop.scheduleTask(deadline: nextRead) { bound.value.readRung() }
  }

  /// One read of a shard at a time, and none before what the last one brought is committed.
  private func readRung() {
    isScheduled = false
    guard let client else { return }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    let keyspace = configuration.backplane.keyspace
    for (number, reading) in readings where reading.isRung && !reading.isBusy {
      guard let shard = owned[number], let cursor = shard.cursor else { continue }
      readings[number] = Reading(isBusy: true, isRung: false)
      let owner = shard.owner
      client.read(keyspace.reports(number), after: cursor, count: Self.maximumReports)
        .whenComplete { bound.value.received($0, shard: number, owner: owner) }
    }
  }

  private func received(
    _ result: Result<RedisValue, any Error>, shard number: Int, owner: String
  ) {
    // A shard that was lost and taken again meanwhile reads from another cursor.
    guard let client, owned[number]?.owner == owner else { return }
    switch result {
    case .success(let reply):
      // [[key, entries]], or null.
      let entries = reply.elements?.first?.elements?.last?.elements ?? []
      guard !entries.isEmpty else {
        readings[number]?.isBusy = false
        if readings[number]?.isRung == true { scheduleReads() }
        return
      }
      let now = NIODeadline.now()
      nextRead = max(nextRead, now + linger.wait(afterReceiving: entries.count, now: now))
      backlog.append(ReportBacklog.Batch(shard: number, owner: owner, entries: entries))
      applyBacklog()
    case .failure(let error):
      if case RedisError.refused(let message) = error {
        logger.warning("a read of reports was refused", metadata: ["error": "\(message)"])
      }
      let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
      client.eventLoop.scheduleTask(in: Self.retryDelay) {
        bound.value.readAgain(number, owner: owner)
      }
    }
  }

  private func applyBacklog() {
    guard let client else { return }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    while let batch = backlog.begin() {
      guard let shard = owned[batch.shard], shard.owner == batch.owner else {
        backlog.finish(batch)
        continue
      }
      shard.apply(batch.entries[...]).whenComplete { _ in
        bound.value.backlog.finish(batch)
        bound.value.readAgain(batch.shard, owner: batch.owner)
        bound.value.applyBacklog()
      }
    }
  }

  private func readAgain(_ number: Int, owner: String) {
    guard owned[number]?.owner == owner else { return }
    readings[number] = Reading()
    scheduleReads()
  }

  // MARK: Statistics

  func add(to statistics: inout PresenceStatistics) {
    statistics.reportsApplied += retired.reportsApplied
    statistics.diffsSent += retired.diffsSent
    statistics.diffsCoalesced += retired.diffsCoalesced
    statistics.gatewaysReaped += retired.gatewaysReaped
    statistics.sessionsReaped += retired.sessionsReaped
    statistics.takeovers += takeovers
    statistics.takeoverTime = max(statistics.takeoverTime, Double(lastTakeover) / 1_000)
    for shard in owned.values {
      guard let aggregator = shard.aggregator else { continue }
      statistics.ownedShards += 1
      statistics.groups += aggregator.state.rosters.groups.count
      statistics.members += aggregator.state.rosters.memberCount
      statistics.users += aggregator.state.homes.count
      statistics.memberships += aggregator.state.membershipCount
      statistics.reportLag = max(statistics.reportLag, Double(shard.reportLag) / 1_000)
      statistics.add(aggregator.counters)
    }
  }

  /// Why shards here may be unserved. Sentences.
  func unreadiness() -> [String] {
    if !isConnected {
      return ["no connection to Redis \(client.map { "\($0.site)" } ?? "yet")"]
    }
    let loading = owned.values.filter { $0.aggregator == nil }.map(\.shard).sorted()
    if loading.isEmpty { return [] }
    return ["shards \(loading.map(String.init).joined(separator: ", ")) are being loaded"]
  }
}

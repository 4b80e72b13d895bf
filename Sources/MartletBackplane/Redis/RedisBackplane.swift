package import Logging
package import MartletCore
internal import MartletRedis
package import NIOCore

/// Publications over Redis Streams: S shards on one Redis, dealt over several, or in a Redis Cluster.
///
/// Everything of a site, one Redis or one cluster, happens on one event loop: two connections to each node that owns a
/// shard (commands, and the bell that says what has changed), and one more where publishers wait for replicas.
package final class RedisBackplane: Backplane {
  package let shards: ShardMap
  private let configuration: RedisBackplaneConfiguration
  private let logger: Logger
  private let onMismatch: @Sendable (BackplaneError) -> Void
  private let sites: [Site]
  /// Counts over the same connections.
  package let userQuota: RedisUserQuota
  private let health: NIOLoopBoundBox<RedisBackplaneHealth>

  /// What there is for each Redis or cluster.
  private struct Site {
    var client: RedisClient
    /// Answers when a replica has the publication too; connects when it is first needed.
    var replicated: RedisClient
    var reader: NIOLoopBoundBox<RedisShardReader?>
  }

  /// - Parameters:
  ///   - eventLoops: sites are dealt over them.
  ///   - onMismatch: called on any loop when the stored shard count is another one; the process
  ///     should say so and end.
  package init(
    _ configuration: RedisBackplaneConfiguration, eventLoops: [any EventLoop], logger: Logger,
    onMismatch: @escaping @Sendable (BackplaneError) -> Void
  ) {
    precondition(!eventLoops.isEmpty)
    self.configuration = configuration
    self.shards = configuration.keyspace.shards
    self.logger = logger
    self.onMismatch = onMismatch
    self.health = NIOLoopBoundBox.makeBoxSendingValue(
      RedisBackplaneHealth(configuration, now: .now()), eventLoop: eventLoops[0])
    let sites = configuration.sites.indices.map { index in
      Self.site(index, configuration, on: eventLoops[index % eventLoops.count], logger)
    }
    self.sites = sites
    self.userQuota = RedisUserQuota(configuration, clients: sites.map(\.client))
  }

  private static func site(
    _ index: Int, _ configuration: RedisBackplaneConfiguration, on loop: any EventLoop,
    _ logger: Logger
  ) -> Site {
    let reader = NIOLoopBoundBox.makeEmptyBox(valueType: RedisShardReader.self, eventLoop: loop)
    var commands = configuration.client(ofSite: index, role: "gateway")
    commands.patience = configuration.publishWait
    commands.announcesOutages = true
    commands.onRing = { keys in reader.value?.rang(keys) }
    var replicated = configuration.client(ofSite: index, role: "replicated")
    replicated.patience = configuration.publishWait
    replicated.replicaTimeout = .nanoseconds(configuration.publishTimeout.nanoseconds / 2)
    return Site(
      client: RedisClient(commands, on: loop, logger: logger),
      replicated: RedisClient(replicated, on: loop, logger: logger), reader: reader)
  }

  package func eventLoop(ofShard shard: Int) -> any EventLoop {
    site(of: shard).client.eventLoop
  }

  private func site(of shard: Int) -> Site {
    sites[configuration.site(ofShard: shard)]
  }

  private func site(of group: GroupName) -> Site {
    site(of: shards.shard(of: group))
  }

  // MARK: Life

  package func start(delivering subscriber: any BackplaneSubscriber) {
    for (index, site) in sites.enumerated() {
      site.client.start()
      startReader(index, subscriber)
    }
    let loop = health.eventLoop
    loop.execute {
      self.health.value.timer = loop.scheduleRepeatedTask(
        initialDelay: .zero, delay: self.configuration.probeInterval
      ) { _ in self.probe() }
    }
  }

  private func startReader(_ index: Int, _ subscriber: any BackplaneSubscriber) {
    let site = sites[index]
    let health = health
    let configuration = configuration
    let logger = logger
    site.client.eventLoop.execute {
      let reader = RedisShardReader(
        configuration, site: index, subscriber: subscriber, logger: logger
      ) { shard, number in
        let now = NIODeadline.now()
        health.eventLoop.execute {
          health.value.probe.returned(shard: shard, number: number, now: now)
        }
      }
      site.reader.value = reader
      reader.start(site.client)
    }
  }

  package func stop() -> EventLoopFuture<Void> {
    let loop = health.eventLoop
    let sites = sites
    return loop.flatSubmit {
      self.health.value.timer?.cancel()
      let ends = sites.map { site in
        site.client.eventLoop.submit { site.reader.value?.stop() }
          .flatMap { site.client.stop() }
          .flatMap { site.replicated.stop() }
      }
      return EventLoopFuture.andAllSucceed(ends, on: loop)
    }
  }

  // MARK: Publications

  package func publish(_ request: PublishRequest) -> EventLoopFuture<PublishOutcome> {
    let keyspace = configuration.keyspace
    let shard = shards.shard(of: request.group)
    let site = site(of: shard)
    guard case .published(let retention) = request.kind else {
      return append(EphemeralRecord.field, .bytes(PublicationRecord.body(request)), to: shard)
        .map { _ in PublishOutcome(position: nil) }
        .flatMapErrorThrowing { throw Self.unavailable($0) }
    }
    var keys = [
      keyspace.stream(shard), keyspace.meta(request.group), keyspace.history(request.group),
    ]
    if let id = request.idempotencyID { keys.append(keyspace.idempotency(request.group, id)) }
    var client = site.client
    if request.durability == .replicated {
      client = site.replicated
      client.start()
    }
    return client.evaluate(
      BackplaneScripts.publish, keys: keys,
      arguments: [
        .text(Self.newEpoch().rawValue), .bytes(PublicationRecord.body(request)),
        .number(Int64(configuration.shardStreamLength)), .number(Int64(retention?.size ?? 0)),
        .number(Self.milliseconds(retention?.ttl ?? .zero)),
        .number(positionLifetime(retention)),
        .number(Self.milliseconds(configuration.idempotencyWindow)), .incarnation,
      ]
    )
    .flatMapThrowing { reply in
      // EPOCH OFFSET REPEATED
      let parts = (reply.text ?? "").split(separator: " ")
      guard parts.count == 3, let epoch = Epoch(String(parts[0])), let offset = UInt64(parts[1])
      else { throw RedisError.unexpectedReply("publish") }
      return PublishOutcome(
        position: Position(epoch: epoch, offset: offset), isRepeat: parts[2] == "1")
    }
    .flatMapErrorThrowing { throw Self.unavailable($0) }
  }

  /// Appends a record that is no publication.
  private func append(
    _ head: String, _ body: RedisCommand.Argument, to shard: Int
  ) -> EventLoopFuture<RedisValue> {
    let key = configuration.keyspace.stream(shard)
    return site(of: shard).client.send(
      [
        "XADD", .text(key), "MAXLEN", "~", .number(Int64(configuration.shardStreamLength)), "*",
        .text(head), body,
      ], key: key)
  }

  // MARK: Recovery

  package func recover(
    _ group: GroupName, since: Position?, within budget: RecoveryBudget
  ) -> EventLoopFuture<Recovery> {
    let keyspace = configuration.keyspace
    return site(of: group).client.evaluate(
      BackplaneScripts.recover, keys: [keyspace.meta(group), keyspace.history(group)],
      arguments: [
        .text(Self.newEpoch().rawValue), .number(positionLifetime(nil)), .incarnation,
        .text(since?.epoch.rawValue ?? ""), .text("\(since?.offset ?? 0)"),
        .number(Int64(budget.publications)), .number(Int64(RecoveryAssembly.firstPage)),
      ]
    )
    .flatMap { reply -> EventLoopFuture<Recovery> in
      let loop = self.site(of: group).client.eventLoop
      let parts = reply.elements ?? []
      guard parts.count == 3, let position = Self.position(parts) else {
        return loop.makeFailedFuture(RedisError.unexpectedReply("recover"))
      }
      guard let since, let entries = parts[2].elements else {
        return loop.makeSucceededFuture(Recovery(position: position, missed: nil))
      }
      let assembly = RecoveryAssembly(from: since, to: position, within: budget)
      return self.assemble(assembly, adding: Self.deliveries(entries), of: group)
        .map { Recovery(position: position, missed: $0) }
    }
    .flatMapErrorThrowing { throw Self.unavailable($0) }
  }

  /// Asks for further pages until the recovery is complete, or is found not to be available as a whole (nil).
  private func assemble(
    _ assembly: RecoveryAssembly, adding page: [Delivery], of group: GroupName
  ) -> EventLoopFuture<[Delivery]?> {
    let client = site(of: group).client
    var assembly = assembly
    switch assembly.add(page) {
    case .complete(let missed): return client.eventLoop.makeSucceededFuture(missed)
    case .incomplete: return client.eventLoop.makeSucceededFuture(nil)
    case .next(let offset, let count):
      let key = configuration.keyspace.history(group)
      let rest = assembly
      return client.send(
        ["XRANGE", .text(key), .text("\(offset)-0"), "+", "COUNT", .number(Int64(count))], key: key
      ).flatMap { reply in
        self.assemble(rest, adding: Self.deliveries(reply.elements ?? []), of: group)
      }
    }
  }

  package func history(
    _ group: GroupName, before: UInt64?, limit: Int
  ) -> EventLoopFuture<HistoryPage> {
    let keyspace = configuration.keyspace
    let client = site(of: group).client
    let meta = keyspace.meta(group)
    return client.send(["HGET", .text(meta), "e"], key: meta)
      .and(pages(of: group, before: before, HistoryAssembly(limit: limit)))
      .map { epoch, assembly in
        // A group that nobody knows has no publications, and will get its epoch from whoever joins it.
        assembly.page(epoch: epoch.text.flatMap { Epoch($0) } ?? Self.newEpoch())
      }
      .flatMapErrorThrowing { throw Self.unavailable($0) }
  }

  private func pages(
    of group: GroupName, before: UInt64?, _ assembly: HistoryAssembly
  ) -> EventLoopFuture<HistoryAssembly> {
    let client = site(of: group).client
    let key = configuration.keyspace.history(group)
    let count = assembly.nextCount
    return client.send(
      [
        "XREVRANGE", .text(key), .text(before.map { "(\($0)-0" } ?? "+"), "-", "COUNT",
        .number(Int64(count)),
      ], key: key
    ).flatMap { reply in
      var assembly = assembly
      let page = Self.deliveries(reply.elements ?? [])
      guard let next = assembly.add(page, asked: count) else {
        return client.eventLoop.makeSucceededFuture(assembly)
      }
      return self.pages(of: group, before: next, assembly)
    }
  }

  private func positionLifetime(_ retention: Retention?) -> Int64 {
    Self.milliseconds(configuration.positionLifetime + (retention?.ttl ?? .zero))
  }

  // MARK: Health

  package func unreadiness() -> EventLoopFuture<[String]> {
    let loop = health.eventLoop
    let ours = loop.submit { self.health.value.unreadiness(now: .now()) }
    return EventLoopFuture.reduce(
      into: [], sites.map { $0.client.unreadiness() }, on: loop
    ) { $0 += $1 }
    .and(ours).map { $0 + $1 }
  }

  package func statistics() -> EventLoopFuture<BackplaneStatistics> {
    let readings = sites.map { site in
      site.client.eventLoop.submit { site.reader.value?.statistics ?? BackplaneStatistics() }
    }
    let loop = health.eventLoop
    return EventLoopFuture.reduce(
      into: BackplaneStatistics(), readings, on: loop
    ) { sum, reading in
      sum.reads += reading.reads
      sum.entries += reading.entries
      sum.interruptions += reading.interruptions
    }.hop(to: loop).map { statistics in
      self.health.value.complete(statistics)
    }
  }

  private func probe() {
    if !health.value.isVerified { verifyShardCount() }
    let now = NIODeadline.now()
    let number = health.value.probe.nextRound(now: now)
    for shard in 0..<shards.count {
      let body = PublicationRecord.probeBody(node: configuration.node, number: number)
      _ = append(PublicationRecord.probeHead, .text(body), to: shard)
    }
    for shard in health.value.shardsToRevive(now: now) {
      logger.warning(
        "probes of a shard do not come back, its connection is made anew",
        metadata: ["shard": "\(shard)"])
      site(of: shard).client.reconnect(
        ownerOf: configuration.keyspace.stream(shard), because: "probes do not come back")
    }
  }

  /// The shard count is fixed by whoever starts first.
  private func verifyShardCount() {
    let key = configuration.keyspace.shardCount
    let count = shards.count
    let client = sites[0].client
    _ = client.send(["SET", .text(key), .number(Int64(count)), "NX"], key: key)
    client.send(["GET", .text(key)], key: key).hop(to: health.eventLoop).whenSuccess { reply in
      if reply.number == Int64(count) {
        self.health.value.isVerified = true
      } else if reply != .null {
        // Null: Redis took no write. The next round tries again.
        self.onMismatch(
          .mismatch(
            "backplane.shards is \(count), but the cluster in Redis has \(reply.text ?? "none");"
              + " the count of a cluster cannot change"))
      }
    }
  }

  // MARK: Replies

  private static func position(_ parts: [RedisValue]) -> Position? {
    guard let epoch = parts[0].text.flatMap({ Epoch($0) }),
      let offset = parts[1].text.flatMap({ UInt64($0) })
    else { return nil }
    return Position(epoch: epoch, offset: offset)
  }

  private static func deliveries(_ entries: some Sequence<RedisValue>) -> [Delivery] {
    entries.compactMap { entry in
      guard case .delivery(let delivery) = PublicationRecord(entry: entry) else { return nil }
      return delivery
    }
  }

  private static func unavailable(_ error: any Error) -> BackplaneError {
    .unavailable("\(error)")
  }

  private static func newEpoch() -> Epoch {
    var random = SystemRandomNumberGenerator()
    return .random(using: &random)
  }

  private static func milliseconds(_ duration: Duration) -> Int64 {
    let parts = duration.components
    return parts.seconds * 1_000 + parts.attoseconds / 1_000_000_000_000_000
  }
}

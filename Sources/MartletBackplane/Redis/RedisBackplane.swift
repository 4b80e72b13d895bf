package import Logging
package import MartletCore
internal import MartletRedis
package import NIOCore

/// Publications over Redis Streams: S shards dealt over one or several servers, one pipelined
/// connection for commands and one blocking connection for reading to each server.
package final class RedisBackplane: Backplane {
  package let shards: ShardMap
  private let configuration: RedisBackplaneConfiguration
  private let eventLoops: [any EventLoop]
  private let logger: Logger
  private let onMismatch: @Sendable (BackplaneError) -> Void
  private let writers: [RedisClient]
  private let health: NIOLoopBoundBox<RedisBackplaneHealth>
  private let readers: NIOLoopBoundBox<[RedisClient]>

  /// - Parameters:
  ///   - eventLoops: servers are dealt over them.
  ///   - onMismatch: called on any loop when the stored shard count is another one; the process
  ///     should say so and end.
  package init(
    _ configuration: RedisBackplaneConfiguration, eventLoops: [any EventLoop], logger: Logger,
    onMismatch: @escaping @Sendable (BackplaneError) -> Void
  ) {
    precondition(!eventLoops.isEmpty)
    self.configuration = configuration
    self.shards = configuration.keyspace.shards
    self.eventLoops = eventLoops
    self.logger = logger
    self.onMismatch = onMismatch
    let health = NIOLoopBoundBox.makeBoxSendingValue(
      RedisBackplaneHealth(shards: configuration.keyspace.shards.count), eventLoop: eventLoops[0])
    self.health = health
    self.readers = NIOLoopBoundBox.makeBoxSendingValue([], eventLoop: eventLoops[0])
    self.writers = configuration.servers.enumerated().map { index, server in
      RedisClient(
        RedisClient.Configuration(
          server: server, name: "martlet-\(configuration.node)-writer",
          replyTimeout: configuration.publishTimeout,
          scripts: [BackplaneScripts.publish, BackplaneScripts.recover, BackplaneScripts.history],
          announcesOutages: true),
        on: eventLoops[index % eventLoops.count], logger: logger,
        onConnect: { health.eventLoop.execute { health.value.connected.insert(index) } },
        onDisconnect: { health.eventLoop.execute { health.value.connected.remove(index) } })
    }
  }

  package func eventLoop(ofShard shard: Int) -> any EventLoop {
    eventLoops[configuration.server(ofShard: shard) % eventLoops.count]
  }

  // MARK: Life

  package func start(delivering subscriber: any BackplaneSubscriber) {
    for writer in writers { writer.start() }
    for server in configuration.servers.indices { startReader(server, subscriber) }
    let loop = health.eventLoop
    loop.execute {
      self.health.value.timer = loop.scheduleRepeatedTask(
        initialDelay: .zero, delay: self.configuration.probeInterval
      ) { _ in self.probe() }
    }
  }

  private func startReader(_ server: Int, _ subscriber: any BackplaneSubscriber) {
    let loop = eventLoops[server % eventLoops.count]
    let health = health
    let configuration = configuration
    let logger = logger
    loop.execute {
      let reader = RedisShardReader(
        configuration, server: server, subscriber: subscriber, logger: logger
      ) { shard, number in
        let now = NIODeadline.now()
        health.eventLoop.execute {
          health.value.probe.returned(shard: shard, number: number, now: now)
        }
      }
      let bound = NIOLoopBound(reader, eventLoop: loop)
      let client = RedisClient(
        RedisClient.Configuration(
          server: configuration.servers[server], name: "martlet-\(configuration.node)-reader",
          replyTimeout: configuration.publishTimeout),
        on: loop, logger: logger,
        onConnect: { bound.value.connected() },
        onDisconnect: { bound.value.disconnected() })
      reader.attach(client)
      client.start()
      self.readers.eventLoop.execute { self.readers.value.append(client) }
    }
  }

  package func stop() -> EventLoopFuture<Void> {
    let loop = health.eventLoop
    return loop.flatSubmit {
      self.health.value.timer?.cancel()
      let clients = self.writers + self.readers.value
      return EventLoopFuture.andAllSucceed(clients.map { $0.stop() }, on: loop)
    }
  }

  // MARK: Publications

  package func publish(_ request: PublishRequest) -> EventLoopFuture<PublishOutcome> {
    let keyspace = configuration.keyspace
    let shard = shards.shard(of: request.group)
    let writer = writers[configuration.server(ofShard: shard)]
    guard case .published(let retention) = request.kind else {
      var record = ByteBuffer(string: "e ")
      record.writeImmutableBuffer(PublicationRecord.tail(request))
      return writer.send([
        "XADD", .text(keyspace.stream(shard)), "MAXLEN", "~",
        .number(Int64(configuration.shardStreamLength)), "*", "r", .bytes(record),
      ])
      .map { _ in PublishOutcome(position: nil) }
      .flatMapErrorThrowing { throw Self.unavailable($0) }
    }
    var keys = [
      keyspace.stream(shard), keyspace.meta(request.group), keyspace.history(request.group),
    ]
    if let id = request.idempotencyID { keys.append(keyspace.idempotency(request.group, id)) }
    return writer.evaluate(
      BackplaneScripts.publish, keys: keys,
      arguments: [
        .text(Self.newEpoch().rawValue), .bytes(PublicationRecord.tail(request)),
        .number(Int64(configuration.shardStreamLength)), .number(Int64(retention?.size ?? 0)),
        .number(Self.milliseconds(retention?.ttl ?? .zero)),
        .number(positionLifetime(retention)),
        .number(Self.milliseconds(configuration.idempotencyWindow)),
      ]
    )
    .flatMapThrowing { reply in
      let parts = reply.elements ?? []
      guard parts.count == 3, let position = Self.position(parts) else {
        throw RedisError.unexpectedReply("publish")
      }
      return PublishOutcome(position: position, isRepeat: parts[2].number == 1)
    }
    .flatMapErrorThrowing { throw Self.unavailable($0) }
  }

  package func recover(
    _ group: GroupName, since: Position?, limit: Int
  ) -> EventLoopFuture<Recovery> {
    let keyspace = configuration.keyspace
    return writer(of: group).evaluate(
      BackplaneScripts.recover, keys: [keyspace.meta(group), keyspace.history(group)],
      arguments: [
        .text(Self.newEpoch().rawValue), .number(positionLifetime(nil)),
        .text(since?.epoch.rawValue ?? ""), .text("\(since?.offset ?? 0)"), .number(Int64(limit)),
      ]
    )
    .flatMapThrowing { reply in
      let parts = reply.elements ?? []
      guard parts.count == 3, let position = Self.position(parts) else {
        throw RedisError.unexpectedReply("recover")
      }
      return Recovery(position: position, missed: parts[2].elements.map(Self.deliveries))
    }
    .flatMapErrorThrowing { throw Self.unavailable($0) }
  }

  package func history(
    _ group: GroupName, before: UInt64?, limit: Int
  ) -> EventLoopFuture<HistoryPage> {
    let keyspace = configuration.keyspace
    return writer(of: group).evaluate(
      BackplaneScripts.history, keys: [keyspace.meta(group), keyspace.history(group)],
      arguments: [
        .text(Self.newEpoch().rawValue), .number(positionLifetime(nil)),
        .text(before.map { "\($0)" } ?? "+"),
        // One more than asked tells whether there is an older page.
        .number(Int64(limit + 1)),
      ]
    )
    .flatMapThrowing { reply in
      guard let parts = reply.elements, parts.count == 2,
        let epoch = parts[0].text.flatMap({ Epoch($0) }), let entries = parts[1].elements
      else { throw RedisError.unexpectedReply("history") }
      let page = Array(Self.deliveries(entries.prefix(limit)).reversed())
      return HistoryPage(
        epoch: epoch, publications: page,
        nextBefore: entries.count > limit ? page.first?.position?.offset : nil)
    }
    .flatMapErrorThrowing { throw Self.unavailable($0) }
  }

  private func writer(of group: GroupName) -> RedisClient {
    writers[configuration.server(ofShard: shards.shard(of: group))]
  }

  private func positionLifetime(_ retention: Retention?) -> Int64 {
    Self.milliseconds(configuration.positionLifetime + (retention?.ttl ?? .zero))
  }

  // MARK: Readiness

  package func unreadiness() -> EventLoopFuture<[String]> {
    health.eventLoop.submit {
      self.health.value.unreadiness(self.configuration, now: .now())
    }
  }

  private func probe() {
    let state = health.value
    if !state.isVerified, state.connected.contains(0) { verifyShardCount() }
    let number = health.value.probe.nextRound(now: .now())
    for shard in 0..<shards.count {
      let server = configuration.server(ofShard: shard)
      guard state.connected.contains(server) else { continue }
      _ = writers[server].send([
        "XADD", .text(configuration.keyspace.stream(shard)), "MAXLEN", "~",
        .number(Int64(configuration.shardStreamLength)), "*", "r",
        .text("b \(configuration.node) \(number)"),
      ])
    }
  }

  /// The shard count is fixed by whoever starts first.
  private func verifyShardCount() {
    let key = configuration.keyspace.shardCount
    let count = shards.count
    _ = writers[0].send(["SET", .text(key), .number(Int64(count)), "NX"])
    writers[0].send(["GET", .text(key)]).hop(to: health.eventLoop).whenSuccess { reply in
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
      guard let record = entry.elements?.last?.elements?.last?.bytes,
        case .delivery(let delivery) = PublicationRecord(record)
      else { return nil }
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

/// What a ``RedisBackplane`` knows about its servers. Confined to one event loop.
struct RedisBackplaneHealth {
  /// Servers whose command connection is up.
  var connected: Set<Int> = []
  /// Whether the stored shard count is ours.
  var isVerified = false
  var probe: ShardProbe
  var timer: RepeatedTask?

  init(shards: Int) {
    probe = ShardProbe(shards: shards)
  }

  func unreadiness(
    _ configuration: RedisBackplaneConfiguration, now: NIODeadline
  ) -> [String] {
    var reasons = configuration.servers.indices.filter { !connected.contains($0) }.map {
      "no connection to Redis \(configuration.servers[$0])"
    }
    if !isVerified { reasons.append("the shard count is not verified") }
    let limit = TimeAmount.nanoseconds(configuration.probeInterval.nanoseconds * 4)
    let deaf = probe.deafShards(limit: limit, now: now)
    if !deaf.isEmpty {
      reasons.append(
        "nothing comes back from shards \(deaf.map(String.init).joined(separator: ", "))")
    }
    return reasons
  }
}

internal import Logging
internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// A daemon's shards on one server: who owns what there, and the reading of the owned shards' reports.
/// Confined to its event loop.
final class ServerAggregator {
  /// The most reports that one shard gives to one read.
  private static let maximumReports = 16
  /// How long a read waits for reports; a shard that was just taken joins the next read.
  private static let blockTime = TimeAmount.milliseconds(200)
  /// Until a read that Redis refused is tried again.
  private static let retryDelay = TimeAmount.milliseconds(500)

  private let configuration: RedisPresenceConfiguration
  private let daemon: String
  private let server: RedisServer
  private let shards: [Int]
  private let shardOfKey: [String: Int]
  private let logger: Logger
  private let onConnect: () -> Void
  private var commands: RedisClient?
  private var reader: RedisClient?
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
  private var linger = LingerPolicy()
  /// Replies to a former connection's reads carry another number and are ignored.
  private var connection = 0
  private var isReading = false
  private var isReaderConnected = false

  /// - Parameter onConnect: called each time when commands can be sent.
  init(
    _ configuration: RedisPresenceConfiguration, daemon: String, server: Int, logger: Logger,
    onConnect: @escaping () -> Void
  ) {
    self.configuration = configuration
    self.daemon = daemon
    self.server = configuration.backplane.servers[server]
    self.shards = configuration.backplane.shards(ofServer: server)
    let keyspace = configuration.backplane.keyspace
    self.shardOfKey = Dictionary(
      uniqueKeysWithValues: shards.map { (keyspace.reports($0), $0) })
    self.logger = logger
    self.onConnect = onConnect
  }

  // MARK: Life

  func start(commands: RedisClient, reader: RedisClient) {
    self.commands = commands
    self.reader = reader
    commands.start()
    reader.start()
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
    guard let commands, let reader else { return nil }
    let loop = commands.eventLoop
    claiming.removeAll()
    let released = owned.values.map { $0.release() }
    for shard in owned.values { retire(shard) }
    memories.removeAll()
    return EventLoopFuture.andAllComplete(released, on: loop).flatMap {
      EventLoopFuture.andAllComplete([commands.stop(), reader.stop()], on: loop)
    }
  }

  // MARK: Ownership

  var ownedShards: some Collection<Int> { owned.keys }

  /// Shards that are owned, or will be if the claims under way succeed.
  var ownedCount: Int { owned.count + claiming.count }

  /// The shards of this server that the daemon had before and nobody else has taken.
  var remembered: some Collection<Int> { memories.keys }

  func renewOwnerships() {
    guard isConnected else { return }
    for shard in owned.values { shard.renewOwnership() }
  }

  func observeGateways() {
    guard isConnected else { return }
    for shard in owned.values { shard.observeGateways() }
  }

  /// The shards of this server that nobody else owns, and this daemon does not serve.
  func freeShards() -> EventLoopFuture<[Int]>? {
    guard isConnected, let commands else { return nil }
    let asked = shards.filter { owned[$0] == nil && !claiming.contains($0) }
    let keyspace = configuration.backplane.keyspace
    let replies = asked.map { commands.send(["GET", .text(keyspace.presenceOwner($0))]) }
    let bound = NIOLoopBound(self, eventLoop: commands.eventLoop)
    let ours = daemon + " "
    return EventLoopFuture.whenAllSucceed(replies, on: commands.eventLoop).map { owners in
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
    guard isConnected, let commands, owned[shard] == nil, claiming.insert(shard).inserted
    else { return }
    let keyspace = configuration.backplane.keyspace
    let bound = NIOLoopBound(self, eventLoop: commands.eventLoop)
    commands.evaluate(
      PresenceScripts.claim, keys: [keyspace.presenceOwner(shard), keyspace.presenceToken(shard)],
      arguments: [.text(daemon), .number(configuration.ownershipLeaseMilliseconds)]
    ).whenComplete { result in
      bound.value.claimed(shard, owner: (try? result.get())?.text)
    }
  }

  private func claimed(_ number: Int, owner: String?) {
    // The connection was lost meanwhile, or the daemon stops.
    guard claiming.remove(number) != nil, let commands, let owner else { return }
    logger.debug("a shard was taken", metadata: ["shard": "\(number)", "owner": "\(owner)"])
    let bound = NIOLoopBound(self, eventLoop: commands.eventLoop)
    let memory = memories.removeValue(forKey: number)
    let shard = OwnedShard(
      number, owner: owner, configuration: configuration, client: commands,
      isReturning: isReturning, logger: logger
    ) { bound.value.retire($0) }
    owned[number] = shard
    shard.load(memory: memory).whenComplete { _ in bound.value.read() }
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
    guard let aggregator = shard.aggregator else { return }
    retired.add(aggregator.counters)
    memories[shard.shard] = aggregator.state
  }

  // MARK: Reading

  func readerConnected() {
    connection += 1
    isReaderConnected = true
    isReading = false
    read()
  }

  func readerDisconnected() {
    connection += 1
    isReaderConnected = false
  }

  /// One read at a time, and none before what the last one brought is committed.
  private func read() {
    let places = owned.values.compactMap { shard in shard.cursor.map { (shard.shard, $0) } }
    guard isReaderConnected, !isReading, !places.isEmpty, let reader else { return }
    isReading = true
    let keyspace = configuration.backplane.keyspace
    var command: RedisCommand = [
      "XREAD", "COUNT", .number(Int64(Self.maximumReports)), "BLOCK",
      .number(Self.blockTime.nanoseconds / 1_000_000), "STREAMS",
    ]
    command.arguments += places.map { .text(keyspace.reports($0.0)) }
    command.arguments += places.map { .text($0.1) }
    let owners = Dictionary(
      places.map { ($0.0, owned[$0.0]?.owner) }, uniquingKeysWith: { $1 })
    let bound = NIOLoopBound(self, eventLoop: reader.eventLoop)
    let current = connection
    reader.send(command).whenComplete { bound.value.received($0, owners: owners, of: current) }
  }

  private func received(
    _ result: Result<RedisValue, any Error>, owners: [Int: String?], of asked: Int
  ) {
    guard asked == connection, let reader else { return }
    switch result {
    case .success(let reply):
      var applied: [EventLoopFuture<Void>] = []
      var total = 0
      for stream in reply.elements ?? [] {
        // A shard that was lost and taken again meanwhile reads from another cursor.
        guard let parts = stream.elements, parts.count == 2, let entries = parts[1].elements,
          let number = parts[0].text.flatMap({ shardOfKey[$0] }), let shard = owned[number],
          owners[number] == shard.owner
        else { continue }
        total += entries.count
        applied.append(shard.apply(entries))
      }
      let wait = total == 0 ? .zero : linger.wait(afterReceiving: total, now: .now())
      let bound = NIOLoopBound(self, eventLoop: reader.eventLoop)
      EventLoopFuture.andAllComplete(applied, on: reader.eventLoop).whenComplete { _ in
        bound.value.readAgain(in: wait, of: asked)
      }
    case .failure(RedisError.refused(let message)):
      logger.warning("a read of reports was refused", metadata: ["error": "\(message)"])
      readAgain(in: Self.retryDelay, of: asked)
    case .failure:
      break  // The client reconnects and calls ``readerConnected()``.
    }
  }

  private func readAgain(in wait: TimeAmount, of asked: Int) {
    guard asked == connection, let reader else { return }
    let bound = NIOLoopBound(self, eventLoop: reader.eventLoop)
    reader.eventLoop.scheduleTask(in: wait) {
      guard bound.value.connection == asked else { return }
      bound.value.isReading = false
      bound.value.read()
    }
  }

  // MARK: Statistics

  func add(to statistics: inout PresenceStatistics) {
    statistics.reportsApplied += retired.reportsApplied
    statistics.diffsSent += retired.diffsSent
    statistics.gatewaysReaped += retired.gatewaysReaped
    for shard in owned.values {
      guard let aggregator = shard.aggregator else { continue }
      statistics.ownedShards += 1
      statistics.groups += aggregator.state.groupCount
      statistics.members += aggregator.state.memberCount
      statistics.reportLag = max(statistics.reportLag, Double(shard.reportLag) / 1_000)
      statistics.add(aggregator.counters)
    }
  }

  /// Why shards here may be unserved. Sentences.
  func unreadiness() -> [String] {
    if !isConnected || !isReaderConnected { return ["no connection to Redis \(server)"] }
    let loading = owned.values.filter { $0.aggregator == nil }.map(\.shard).sorted()
    if loading.isEmpty { return [] }
    return ["shards \(loading.map(String.init).joined(separator: ", ")) are being loaded"]
  }
}

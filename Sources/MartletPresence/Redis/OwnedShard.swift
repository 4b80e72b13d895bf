internal import Logging
internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// A shard that this daemon owns: its state, its cursor, and the leases of its gateways. Confined to its event loop.
final class OwnedShard {
  /// Bytes of reports after which no further one is taken along into a commit; see ``ReportBacklog``.
  private static let portion = 16_384

  let shard: Int
  /// `DAEMON TOKEN`
  var owner: String { claim.owner }
  /// Up to where the reports are applied; nil until the state is loaded.
  private(set) var cursor: String?
  private(set) var aggregator: ShardAggregator?
  /// Between the arrival of the last report in Redis and its commit, in ms.
  private(set) var reportLag: Int64 = 0
  /// How long the shard had not been served, in ms; nil if it never was.
  private(set) var takeoverTime: Int64?
  private let claim: ShardClaim
  private let configuration: RedisPresenceConfiguration
  private let client: RedisClient
  private let store: RedisPresenceStore
  private let logger: Logger
  private let onLoss: (OwnedShard) -> Void
  private var leases: GatewayLeases
  private var reaping: Set<String> = []
  private var isEnded = false

  /// - Parameters:
  ///   - clientOfShard: of any shard, on the event loop of `client`.
  ///   - isReturning: whether Redis was away, so that gateways may still be on their way back.
  ///   - onLoss: called once if the shard is lost, or can no longer be written.
  init(
    _ shard: Int, _ claim: ShardClaim, configuration: RedisPresenceConfiguration,
    client: RedisClient, clientOfShard: @escaping (Int) -> RedisClient, isReturning: Bool,
    logger: Logger, onLoss: @escaping (OwnedShard) -> Void
  ) {
    self.shard = shard
    self.claim = claim
    self.configuration = configuration
    self.client = client
    self.store = RedisPresenceStore(
      configuration, shard: shard, claim: claim, client: client, clientOfShard: clientOfShard)
    self.onLoss = onLoss
    var logger = logger
    logger[metadataKey: "shard"] = "\(shard)"
    self.logger = logger
    self.leases = GatewayLeases(
      lease: configuration.lease,
      allowance: isReturning ? RedisPresenceConfiguration.reconnectAllowance : .zero)
  }

  /// Loads the state; the future succeeds when reports can be applied, also if the shard was lost meanwhile.
  ///
  /// - Parameter memory: what this daemon knew of the shard when it last had it; used if Redis knows nothing.
  func load(memory: PresenceState?) -> EventLoopFuture<Void> {
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    return PresenceLoader(configuration, shard: shard, client: client).load()
      .map { bound.value.begin($0, memory: memory) }
      .flatMapErrorThrowing { bound.value.lose($0) }
  }

  private func begin(_ loaded: PresenceLoader.Loaded, memory: PresenceState?) {
    guard !isEnded else { return }
    var state = loaded.state
    var steps: [PresenceStep] = []
    if loaded.cursor == nil, let memory {
      steps = state.adopt(
        memory, allowance: configuration.lease + RedisPresenceConfiguration.reconnectAllowance,
        now: ShardAggregator.now)
      logger.notice("Redis has lost the members of a shard, waiting for gateways to report them")
    }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    let aggregator = ShardAggregator(
      state, store: store, on: client.eventLoop, wallClock: { bound.value.store.wallClock },
      onFailure: { bound.value.lose($0) })
    self.aggregator = aggregator
    let cursor = loaded.cursor ?? "0-0"
    self.cursor = cursor
    aggregator.begin(with: steps, cursor: loaded.cursor == nil ? cursor : nil)
    takeoverTime = claim.unserved.map { $0 + store.wallClock - claim.time }
  }

  // MARK: Reports

  /// Applies entries of the report stream, a ``portion`` at a time; the future completes when they are committed or the shard is lost.
  func apply(_ entries: ArraySlice<RedisValue>) -> EventLoopFuture<Void> {
    let loop = client.eventLoop
    guard let aggregator, !isEnded, !entries.isEmpty else { return loop.makeSucceededVoidFuture() }
    var rest = entries
    var inputs: [ShardAggregator.Input] = []
    var size = 0
    var id = cursor ?? ""
    var arrival: Int64 = 0
    while size < Self.portion, let entry = rest.popFirst() {
      size += entry.payloadSize
      id = entry.elements?.first?.text ?? id
      arrival = id.split(separator: "-").first.flatMap { Int64($0) } ?? 0
      let fields = (entry.elements?.last?.pairs ?? []).compactMap { name, value in
        value.bytes.map { (name, $0) }
      }
      switch PresenceText.entry(fields: Dictionary(fields) { $1 }) {
      case .report(let report): inputs.append(.report(report, arrival))
      case .choice(let status, let user): inputs.append(.choice(status, user, arrival))
      case nil:
        logger.error(
          "an entry of a report stream is not a report", metadata: ["entry": "\(id)"])
      }
    }
    cursor = id
    let last = arrival
    let bound = NIOLoopBound(self, eventLoop: loop)
    let remaining = rest
    return aggregator.apply(inputs, cursor: id).flatMap {
      bound.value.reportLag = max(bound.value.store.lastCommitTime - last, 0)
      return bound.value.apply(remaining)
    }.recover { _ in }
  }

  // MARK: Leases

  /// Looks at the gateways' renewals, and reaps those that have stopped renewing.
  func observeGateways() {
    guard !isEnded, aggregator != nil else { return }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    let key = configuration.backplane.keyspace.gateways(shard)
    client.send(["HGETALL", .text(key)], key: key).whenSuccess { bound.value.observed($0) }
  }

  private func observed(_ reply: RedisValue) {
    guard !isEnded, let aggregator else { return }
    let renewals = Dictionary(
      reply.pairs.map { ($0.name, $0.value.number ?? 0) }, uniquingKeysWith: { $1 })
    let dead = leases.observe(
      renewals: renewals, known: aggregator.state.knownGateways, now: ShardAggregator.now)
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    for (gateway, count) in dead where reaping.insert(gateway).inserted {
      store.unregister(gateway, renewals: count).whenComplete {
        bound.value.unregistered(gateway, $0)
      }
    }
  }

  private func unregistered(_ gateway: String, _ result: Result<Bool, any Error>) {
    reaping.remove(gateway)
    switch result {
    case .success(true):
      logger.info(
        "a gateway has lost its lease, its members leave", metadata: ["gateway": "\(gateway)"])
      aggregator?.reap(gateway, lease: configuration.lease)
    case .success(false):
      break  // It has renewed just now.
    case .failure(let error):
      lose(error)
    }
  }

  // MARK: End

  /// Renews the ownership, and finds out whether it still holds.
  func renewOwnership() {
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    let keyspace = configuration.backplane.keyspace
    client.evaluate(
      PresenceScripts.renew,
      keys: [keyspace.presenceOwner(shard), keyspace.presenceServed(shard)],
      arguments: [.text(owner), .number(configuration.ownershipLeaseMilliseconds)]
    ).whenSuccess { reply in
      if reply.number != 1 { bound.value.lose(ShardLost()) }
    }
  }

  /// Ends without giving the ownership back.
  func abandon() -> EventLoopFuture<Void> {
    isEnded = true
    return aggregator?.end() ?? client.eventLoop.makeSucceededVoidFuture()
  }

  /// Ends when the last commit is through, and lets another daemon have the shard at once.
  func release() -> EventLoopFuture<Void> {
    let client = client
    let key = configuration.backplane.keyspace.presenceOwner(shard)
    let owner = owner
    return abandon().flatMap {
      client.evaluate(PresenceScripts.release, keys: [key], arguments: [.text(owner)])
        .map { _ in }.recover { _ in }
    }
  }

  private func lose(_ error: any Error) {
    guard !isEnded else { return }
    logger.warning("a shard was lost", metadata: ["error": "\(error)"])
    _ = abandon()
    onLoss(self)
  }
}

/// What a daemon has got by ``PresenceScripts/claim``.
struct ShardClaim: Sendable {
  /// `DAEMON TOKEN`
  var owner: String
  /// Of the server, in ms since 1970.
  var time: Int64
  /// For how many ms nobody had owned the shard; nil if nobody ever had.
  var unserved: Int64?
}

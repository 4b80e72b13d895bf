internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// Persists and announces a shard's changes in its slot, as long as its owner is the one that it was made for.
final class RedisPresenceStore: PresenceStore {
  /// About the most changes in one script: it blocks its server for some milliseconds.
  static let maximumChanges = 2_048

  private let configuration: RedisPresenceConfiguration
  private let shard: Int
  private let owner: String
  private let client: RedisClient
  private let clientOfShard: (Int) -> RedisClient
  /// The server's time in its last answer, in ms since 1970.
  private(set) var lastCommitTime: Int64
  private var lastAnswer = NIODeadline.now()

  /// - Parameter clientOfShard: for notices to groups in other shards, on the same event loop.
  init(
    _ configuration: RedisPresenceConfiguration, shard: Int, claim: ShardClaim, client: RedisClient,
    clientOfShard: @escaping (Int) -> RedisClient
  ) {
    self.configuration = configuration
    self.shard = shard
    self.owner = claim.owner
    self.lastCommitTime = claim.time
    self.client = client
    self.clientOfShard = clientOfShard
  }

  /// The server's time, in ms since 1970, as far as it can be told from its last answer.
  var wallClock: Int64 {
    lastCommitTime + (NIODeadline.now() - lastAnswer).nanoseconds / 1_000_000
  }

  // MARK: Commits

  /// Long lists are cut between steps: each part is atomic, and is sent when the one before it has succeeded.
  func commit(_ steps: [PresenceStep], cursor: String?) -> EventLoopFuture<Void> {
    commit(steps[...], cursor: cursor)
  }

  private func commit(
    _ steps: ArraySlice<PresenceStep>, cursor: String?
  ) -> EventLoopFuture<Void> {
    var count = 0
    let part = steps.prefix { step in
      defer { count += step.count }
      return count < Self.maximumChanges
    }
    let rest = steps.dropFirst(part.count)
    let done = evaluate(part, cursor: rest.isEmpty ? cursor : nil)
    guard !rest.isEmpty else { return done }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    return done.flatMap { bound.value.commit(rest, cursor: cursor) }
  }

  private func evaluate(
    _ steps: ArraySlice<PresenceStep>, cursor: String?
  ) -> EventLoopFuture<Void> {
    var writes = PresenceWrites(configuration, shard: shard, owner: owner, cursor: cursor)
    for step in steps {
      for change in step { writes.add(change) }
    }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    return client.evaluate(PresenceScripts.commit, keys: writes.keys, arguments: writes.arguments)
      .flatMapThrowing { reply in
        guard let time = reply.number else { throw ShardLost() }
        bound.value.lastCommitTime = time
        bound.value.lastAnswer = .now()
      }
  }

  // MARK: Notices

  func deliver(_ notice: StatusNotice) -> EventLoopFuture<Void> {
    let keyspace = configuration.backplane.keyspace
    let group = notice.key.group
    let target = keyspace.shards.shard(of: group)
    let token = owner.split(separator: " ").last.map(String.init) ?? ""
    let record = notice.status.map { status in
      EphemeralRecord.encode(
        group: group,
        event: PresenceDiff(group: group, kind: .status(notice.user, status)).event)
    }
    var shown = ByteBuffer()
    if let record, let status = notice.status, status != .available {
      shown = PresenceRecords.shown(status, record: record)
    }
    return clientOfShard(target).evaluate(
      PresenceScripts.notice,
      keys: [
        keyspace.noticeTokens(target), keyspace.shown(target), keyspace.counting(target),
        keyspace.members(group), keyspace.debts(target), keyspace.stream(target),
      ],
      arguments: [
        .number(Int64(shard)), .text(token), .text(group.rawValue), .text(notice.user.id),
        .text(PresenceRecords.field(group, notice.user.id)), .bytes(shown),
        .bytes(record ?? ByteBuffer()),
        .number(Int64(configuration.backplane.shardStreamLength)),
      ]
    ).flatMapThrowing { reply in
      guard reply.number == 1 else { throw ShardLost() }
    }
  }

  // MARK: Gateways

  /// Takes the registration from a dead gateway; false if it has renewed meanwhile.
  func unregister(_ gateway: String, renewals: Int64?) -> EventLoopFuture<Bool> {
    let keyspace = configuration.backplane.keyspace
    return client.evaluate(
      PresenceScripts.reap, keys: [keyspace.presenceOwner(shard), keyspace.gateways(shard)],
      arguments: [.text(owner), .text(gateway), .text(renewals.map { "\($0)" } ?? "")]
    ).flatMapThrowing { reply in
      guard reply.number != -1 else { throw ShardLost() }
      return reply.number == 1
    }
  }
}

/// Another aggregator owns the shard, or nobody: the lease ran out, or Redis lost it.
struct ShardLost: Error {}

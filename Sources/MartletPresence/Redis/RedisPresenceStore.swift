internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// Persists and announces a shard's changes in its slot, as long as its owner is the one that it was made for.
final class RedisPresenceStore: PresenceStore {
  /// The most changes in one script: it blocks its server for some milliseconds.
  static let maximumChanges = 2_048

  private let configuration: RedisPresenceConfiguration
  private let shard: Int
  private let owner: String
  private let client: RedisClient
  /// The server's time after the last commit, in ms.
  private(set) var lastCommitTime: Int64 = 0

  /// - Parameter owner: the value that ``PresenceScripts/claim`` answered.
  init(
    _ configuration: RedisPresenceConfiguration, shard: Int, owner: String, client: RedisClient
  ) {
    self.configuration = configuration
    self.shard = shard
    self.owner = owner
    self.client = client
  }

  /// Long lists are cut: each part is atomic, and a part is sent when the one before it has succeeded.
  func commit(_ changes: [PresenceChange], cursor: String?) -> EventLoopFuture<Void> {
    commit(changes[...], cursor: cursor)
  }

  private func commit(
    _ changes: ArraySlice<PresenceChange>, cursor: String?
  ) -> EventLoopFuture<Void> {
    let part = changes.prefix(Self.maximumChanges)
    let rest = changes.dropFirst(part.count)
    let done = evaluate(part, cursor: rest.isEmpty ? cursor : nil)
    guard !rest.isEmpty else { return done }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    return done.flatMap { bound.value.commit(rest, cursor: cursor) }
  }

  private func evaluate(
    _ changes: ArraySlice<PresenceChange>, cursor: String?
  ) -> EventLoopFuture<Void> {
    let keyspace = configuration.backplane.keyspace
    var keys = [
      keyspace.presenceOwner(shard), keyspace.presenceCursor(shard), keyspace.reports(shard),
      keyspace.presenceGroups(shard), keyspace.gateways(shard), keyspace.sequences(shard),
      keyspace.stream(shard),
    ]
    var arguments: [RedisCommand.Argument] = [
      .text(owner), .text(cursor ?? ""), .number(Int64(configuration.backplane.shardStreamLength)),
    ]
    var places: [GroupName: Int64] = [:]
    func place(_ group: GroupName) -> RedisCommand.Argument {
      if let place = places[group] { return .number(place) }
      keys.append(keyspace.members(group))
      let place = Int64(places.count + 1)
      places[group] = place
      return .number(place)
    }
    for change in changes {
      switch change {
      case .store(let group, let field, let value, let diff):
        arguments += [
          "+", place(group), .text(group.rawValue), .text(PresenceText.encode(field)),
          .text(PresenceText.encode(value)), record(diff),
        ]
      case .erase(let group, let field, let diff):
        arguments += [
          "-", place(group), .text(group.rawValue), .text(PresenceText.encode(field)), record(diff),
        ]
      case .advance(let gateway, let sequence):
        arguments += ["n", .text(gateway), .text("\(sequence)")]
      case .forget(let gateway):
        arguments += ["f", .text(gateway)]
      case .requestSnapshot(let gateway):
        arguments += ["s", .text(gateway)]
      }
    }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    return client.evaluate(PresenceScripts.commit, keys: keys, arguments: arguments)
      .flatMapThrowing { reply in
        guard let time = reply.number else { throw ShardLost() }
        bound.value.lastCommitTime = time
      }
  }

  private func record(_ diff: PresenceDiff?) -> RedisCommand.Argument {
    guard let diff else { return "" }
    return .bytes(
      EphemeralRecord.encode(group: diff.group, event: ByteBuffer(string: diff.event)))
  }

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

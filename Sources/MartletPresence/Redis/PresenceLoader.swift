internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// Reads a shard's persisted state. Confined to its event loop; used once.
final class PresenceLoader {
  /// What was found.
  struct Loaded: Sendable {
    var state: PresenceState
    /// Nil: nothing is known of the shard; it is new, or its Redis came back empty.
    var cursor: String?
  }

  /// How many groups are asked for at once.
  private static let window = 256

  private let keyspace: RedisKeyspace
  private let shard: Int
  private let client: RedisClient
  private var loaded: Loaded

  init(_ configuration: RedisPresenceConfiguration, shard: Int, client: RedisClient) {
    self.keyspace = configuration.backplane.keyspace
    self.shard = shard
    self.client = client
    self.loaded = Loaded(state: PresenceState(grace: configuration.grace), cursor: nil)
  }

  /// The state lacks ``PresenceState/finishRestoring(now:)``.
  func load() -> EventLoopFuture<Loaded> {
    let loop = client.eventLoop
    let bound = NIOLoopBound(self, eventLoop: loop)
    let replies = [
      send("GET", keyspace.presenceCursor(shard)), send("HGETALL", keyspace.sequences(shard)),
      send("SMEMBERS", keyspace.presenceGroups(shard)),
    ]
    return EventLoopFuture.whenAllSucceed(replies, on: loop).flatMap { replies in
      let loader = bound.value
      loader.loaded.cursor = replies[0].text
      for (gateway, sequence) in replies[1].pairs {
        loader.loaded.state.restore(
          gateway: gateway, sequence: UInt64(clamping: sequence.number ?? 0))
      }
      let groups = (replies[2].elements ?? []).compactMap(\.text).map { GroupName(trusted: $0) }
      return loader.load(groups[...])
    }.map { bound.value.loaded }
  }

  private func load(_ groups: ArraySlice<GroupName>) -> EventLoopFuture<Void> {
    let loop = client.eventLoop
    guard !groups.isEmpty else { return loop.makeSucceededVoidFuture() }
    let part = Array(groups.prefix(Self.window))
    let bound = NIOLoopBound(self, eventLoop: loop)
    let replies = part.map { send("HGETALL", keyspace.members($0)) }
    return EventLoopFuture.whenAllSucceed(replies, on: loop).flatMap { replies in
      for (group, reply) in zip(part, replies) { bound.value.restore(group, reply) }
      return bound.value.load(groups.dropFirst(part.count))
    }
  }

  private func send(
    _ name: RedisCommand.Argument, _ key: String
  ) -> EventLoopFuture<RedisValue> {
    client.send([name, .text(key)], key: key)
  }

  private func restore(_ group: GroupName, _ reply: RedisValue) {
    for (name, json) in reply.pairs {
      guard let field = PresenceText.field(name),
        let value = json.bytes.flatMap({ PresenceText.value($0) })
      else { continue }
      loaded.state.restore(group: group, field: field, value: value)
    }
  }
}

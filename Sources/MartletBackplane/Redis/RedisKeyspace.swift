package import MartletCore

/// The names of the keys of a cluster. All keys of a shard share its hash tag, and so its slot.
package struct RedisKeyspace: Sendable {
  package let prefix: String
  package let shards: ShardMap

  package init(prefix: String, shards: ShardMap) {
    self.prefix = prefix
    self.shards = shards
  }

  /// The cluster's shard count, kept on the first server.
  package var shardCount: String { "\(prefix):shards" }

  /// The stream that every gateway reads.
  package func stream(_ shard: Int) -> String { key(shard, "stream") }

  /// A hash with the group's position and more, see ``BackplaneScripts``.
  package func meta(_ group: GroupName) -> String { key(group, "meta") }

  /// The stream of the group's retained publications; entry ids are `OFFSET-0`.
  package func history(_ group: GroupName) -> String { key(group, "history") }

  /// The position of the publication with this idempotency id.
  package func idempotency(_ group: GroupName, _ id: String) -> String {
    // The name of a group has no slash, so that this is the first one, or the second one behind a tenant.
    key(group, "once") + "/" + id
  }

  /// Any other key of a shard.
  package func key(_ shard: Int, _ name: String) -> String {
    "\(prefix):{\(shards.tags[shard])}:\(name)"
  }

  private func key(_ group: GroupName, _ name: String) -> String {
    key(shards.shard(of: group), "\(name):\(group)")
  }
}

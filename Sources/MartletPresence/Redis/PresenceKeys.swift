internal import MartletBackplane
internal import MartletCore

/// The keys of presence; those of a shard share its slot.
extension RedisKeyspace {
  /// The stream of the gateways' reports; what is applied is trimmed.
  func reports(_ shard: Int) -> String { key(shard, "presence:reports") }

  /// A hash: gateway → how often it has renewed its lease.
  func gateways(_ shard: Int) -> String { key(shard, "presence:gateways") }

  /// A hash: gateway → sequence of its last applied report.
  func sequences(_ shard: Int) -> String { key(shard, "presence:sequences") }

  /// The id of the last applied report. Absent: nothing is known of the shard.
  func presenceCursor(_ shard: Int) -> String { key(shard, "presence:cursor") }

  /// The set of the shard's groups that have members.
  func presenceGroups(_ shard: Int) -> String { key(shard, "presence:groups") }

  /// `DAEMON TOKEN` of the aggregator that may write; expires with its lease.
  func presenceOwner(_ shard: Int) -> String { key(shard, "presence:owner") }

  /// The last fencing token.
  func presenceToken(_ shard: Int) -> String { key(shard, "presence:token") }

  /// A hash: ``MemberField`` → ``MemberValue``.
  func members(_ group: GroupName) -> String {
    key(shards.shard(of: group), "presence:members:\(group)")
  }

  /// The aggregators that live, by the time at which their lease ends. On the first server.
  var presenceDaemons: String { "\(prefix):presence:daemons" }
}

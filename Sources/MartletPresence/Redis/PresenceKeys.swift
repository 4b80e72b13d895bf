internal import MartletBackplane
internal import MartletCore

/// The keys of presence; those of a shard share its slot. Values: ``PresenceRecords``.
extension RedisKeyspace {
  // MARK: Reports

  /// The stream of the gateways' reports; what is applied is trimmed.
  func reports(_ shard: Int) -> String { key(shard, "presence:reports") }

  /// A hash: gateway → how often it has renewed its lease.
  func gateways(_ shard: Int) -> String { key(shard, "presence:gateways") }

  /// A hash: gateway → sequence of its last applied report, and whether it drains.
  func sequences(_ shard: Int) -> String { key(shard, "presence:sequences") }

  /// The id of the last applied report. Absent: nothing is known of the shard.
  func presenceCursor(_ shard: Int) -> String { key(shard, "presence:cursor") }

  // MARK: Ownership

  /// `DAEMON TOKEN` of the aggregator that may write; expires with its lease.
  func presenceOwner(_ shard: Int) -> String { key(shard, "presence:owner") }

  /// The last fencing token.
  func presenceToken(_ shard: Int) -> String { key(shard, "presence:token") }

  /// When the shard was owned last, milliseconds since 1970.
  func presenceServed(_ shard: Int) -> String { key(shard, "presence:served") }

  /// The aggregators that live, by the time at which their lease ends. On the first site.
  var presenceDaemons: String { "\(prefix):presence:daemons" }

  // MARK: What a successor needs

  /// A hash: membership → ``RosterEntry``.
  func connections(_ shard: Int) -> String { key(shard, "presence:connections") }

  /// A hash: group and user → who has no connection and is within the grace.
  func departing(_ shard: Int) -> String { key(shard, "presence:departing") }

  /// A hash: group and user → what the group has not been told yet.
  func debts(_ shard: Int) -> String { key(shard, "presence:debts") }

  /// The set of groups that are told numbers only.
  func counting(_ shard: Int) -> String { key(shard, "presence:counting") }

  /// A hash: membership → ``HomeEntry``.
  func sessions(_ shard: Int) -> String { key(shard, "presence:sessions") }

  /// A hash: user → who is nowhere and within the grace.
  func parting(_ shard: Int) -> String { key(shard, "presence:parting") }

  /// A hash: group and user → a status on its way to the group's shard.
  func notices(_ shard: Int) -> String { key(shard, "presence:notices") }

  /// A hash: shard of homes → the greatest fencing token that has brought a notice here.
  func noticeTokens(_ shard: Int) -> String { key(shard, "presence:notice-tokens") }

  // MARK: What gateways read

  /// A hash: group and user → a status that is not the default, told by the user's home, and the record that tells the group.
  func shown(_ shard: Int) -> String { key(shard, "presence:shown") }

  /// A hash: user → how many connections, and the profile.
  func members(_ group: GroupName) -> String {
    key(shards.shard(of: group), "presence:members:\(group)")
  }

  /// A sorted set: user → when it was last seen in the group, milliseconds since 1970.
  func seen(_ group: GroupName) -> String {
    key(shards.shard(of: group), "presence:seen:\(group)")
  }

  /// A hash: the empty field → when the session began, milliseconds since 1970; membership → its place. Absent: the user is not here.
  func user(_ user: UserKey) -> String {
    key(shards.home(of: user), "presence:user:\(user)")
  }

  /// A sorted set: user → when it was last seen anywhere, milliseconds since 1970.
  func lastSeen(_ shard: Int) -> String { key(shard, "presence:last-seen") }

  /// A hash: user → ``HomeStatus``, where it is not the default. Also a successor needs it.
  func statuses(_ shard: Int) -> String { key(shard, "presence:statuses") }
}

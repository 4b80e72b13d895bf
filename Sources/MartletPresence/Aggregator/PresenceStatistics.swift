/// What an aggregator does, for metrics. Counters only grow; they begin at 0 with the process.
package struct PresenceStatistics: Equatable, Sendable {
  /// Shards that this aggregator owns and has loaded.
  package var ownedShards = 0
  /// Groups with members in these.
  package var groups = 0
  /// Users in these groups, counted once for each group; those in their grace are among them.
  package var members = 0
  /// Users that are here and have their home in these shards.
  package var users = 0
  /// Connections in groups, counted in the shard of the group and in that of the user.
  package var memberships = 0
  /// Counter: reports, repetitions included.
  package var reportsApplied = 0
  /// Between the arrival of the last applied report in Redis and its commit, in the shard where that
  /// took longest; seconds.
  package var reportLag = 0.0
  /// Counter: events told to groups.
  package var diffsSent = 0
  /// Counter: changes that groups were not told one by one, since others followed within a batch or the group is only counted.
  package var diffsCoalesced = 0
  /// Counter: gateways whose lease ran out, once for each shard.
  package var gatewaysReaped = 0
  /// Counter: their memberships.
  package var sessionsReaped = 0
  /// Counter: shards taken that somebody had owned before.
  package var takeovers = 0
  /// For how long nobody had served the shard when the last one of these was; seconds.
  package var takeoverTime = 0.0

  package init() {}

  mutating func add(_ counters: ShardAggregator.Counters) {
    reportsApplied += counters.reportsApplied
    diffsSent += counters.diffsSent
    diffsCoalesced += counters.diffsCoalesced
    gatewaysReaped += counters.gatewaysReaped
    sessionsReaped += counters.sessionsReaped
  }
}

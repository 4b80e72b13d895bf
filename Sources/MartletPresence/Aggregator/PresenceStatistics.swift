/// What an aggregator does, for metrics. Counters only grow; they begin at 0 with the process.
package struct PresenceStatistics: Equatable, Sendable {
  /// Shards that this aggregator owns and has loaded.
  package var ownedShards = 0
  /// Groups with members in these.
  package var groups = 0
  /// Users in these groups, counted once for each group; those in their grace are among them.
  package var members = 0
  /// Counter: reports, repetitions included.
  package var reportsApplied = 0
  /// Between the arrival of the last applied report in Redis and its commit, in the shard where that
  /// took longest; seconds.
  package var reportLag = 0.0
  /// Counter: `user_joined` and `user_left`.
  package var diffsSent = 0
  /// Counter: gateways whose lease ran out, once for each shard.
  package var gatewaysReaped = 0

  package init() {}

  mutating func add(_ counters: ShardAggregator.Counters) {
    reportsApplied += counters.reportsApplied
    diffsSent += counters.diffsSent
    gatewaysReaped += counters.gatewaysReaped
  }
}

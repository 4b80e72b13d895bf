internal import MartletCore
internal import NIOCore

/// What a ``RedisBackplane`` knows about its shards. Confined to one event loop.
struct RedisBackplaneHealth {
  /// A shard is deaf if so many rounds of probes did not come back.
  private static let missedRounds: Int64 = 4

  /// Whether the stored shard count is ours.
  var isVerified = false
  var probe: ShardProbe
  var timer: RepeatedTask?
  private var revivals: UInt64 = 0

  init(_ configuration: RedisBackplaneConfiguration, now: NIODeadline) {
    probe = ShardProbe(
      shards: configuration.keyspace.shards.count,
      limit: .nanoseconds(configuration.probeInterval.nanoseconds * Self.missedRounds),
      patience: configuration.deafnessPatience, now: now)
  }

  mutating func shardsToRevive(now: NIODeadline) -> [Int] {
    let shards = probe.shardsToRevive(now: now)
    revivals += UInt64(shards.count)
    return shards
  }

  func unreadiness(now: NIODeadline) -> [String] {
    var reasons: [String] = []
    if !isVerified { reasons.append("the shard count is not verified") }
    let deaf = probe.deafShards(now: now)
    if !deaf.isEmpty {
      reasons.append(
        "nothing comes back from shards \(deaf.map(String.init).joined(separator: ", "))")
    }
    return reasons
  }

  func complete(_ statistics: BackplaneStatistics) -> BackplaneStatistics {
    var statistics = statistics
    statistics.probeSeconds = probe.roundTrips.map { trip in
      trip.map { Double($0.nanoseconds) / 1e9 }
    }
    statistics.revivals = revivals
    return statistics
  }
}

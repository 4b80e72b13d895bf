internal import NIOCore

/// Whether what this node writes into each shard comes back to it: a socket that looks healthy is no
/// proof. A value; time is an argument.
struct ShardProbe {
  private var lastSeen: [NIODeadline?]
  private var nextNumber: UInt64 = 0
  private var sent: [UInt64: NIODeadline] = [:]
  /// From the last answered probe's sending to its return.
  private(set) var lastRoundTrip: TimeAmount?

  init(shards: Int) {
    lastSeen = Array(repeating: nil, count: shards)
  }

  /// The number of the next round of probes.
  mutating func nextRound(now: NIODeadline) -> UInt64 {
    nextNumber += 1
    sent[nextNumber] = now
    // Rounds that nobody will answer any more.
    sent[nextNumber &- 60] = nil
    return nextNumber
  }

  mutating func returned(shard: Int, number: UInt64, now: NIODeadline) {
    guard let start = sent[number] else { return }
    lastSeen[shard] = now
    lastRoundTrip = now - start
  }

  /// The shards from which nothing has come back for longer than `limit`.
  func deafShards(limit: TimeAmount, now: NIODeadline) -> [Int] {
    lastSeen.indices.filter { shard in
      lastSeen[shard].map { now - $0 > limit } ?? true
    }
  }
}

internal import NIOCore

/// Whether what this node writes into each shard comes back to it: a socket that looks healthy is no
/// proof. A value; time is an argument.
struct ShardProbe {
  private struct Shard {
    /// When its last probe came back.
    var lastSeen: NIODeadline
    var hasReturned = false
    var lastRoundTrip: TimeAmount?
    /// When its reader was made anew, or is first expected to work.
    var lastRevival: NIODeadline
  }

  /// Rounds that nobody will answer any more are forgotten.
  private static let rememberedRounds: UInt64 = 60

  /// A shard from which nothing has come back for longer is deaf.
  private let limit: TimeAmount
  /// So long may a shard be deaf, or its reader be new, before it is made anew.
  private let patience: TimeAmount
  private var shards: [Shard]
  private var nextNumber: UInt64 = 0
  private var sent: [UInt64: NIODeadline] = [:]

  init(shards: Int, limit: TimeAmount, patience: TimeAmount, now: NIODeadline) {
    self.limit = limit
    self.patience = patience
    self.shards = Array(repeating: Shard(lastSeen: now, lastRevival: now), count: shards)
  }

  /// The number of the next round of probes.
  mutating func nextRound(now: NIODeadline) -> UInt64 {
    nextNumber += 1
    sent[nextNumber] = now
    sent[nextNumber &- Self.rememberedRounds] = nil
    return nextNumber
  }

  mutating func returned(shard: Int, number: UInt64, now: NIODeadline) {
    guard let start = sent[number] else { return }
    shards[shard].lastSeen = now
    shards[shard].hasReturned = true
    shards[shard].lastRoundTrip = now - start
  }

  /// The shards from which nothing has come back, yet or for longer than the limit.
  func deafShards(now: NIODeadline) -> [Int] {
    shards.indices.filter { !shards[$0].hasReturned || now - shards[$0].lastSeen > limit }
  }

  /// Shards whose readers had their chance: to be made anew. Each is named once in a while.
  mutating func shardsToRevive(now: NIODeadline) -> [Int] {
    let due = shards.indices.filter { index in
      now - max(shards[index].lastSeen, shards[index].lastRevival) > patience
    }
    for index in due { shards[index].lastRevival = now }
    return due
  }

  /// By shard; nil before the first.
  var roundTrips: [TimeAmount?] { shards.map(\.lastRoundTrip) }
}

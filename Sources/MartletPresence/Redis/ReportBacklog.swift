internal import DequeModule
internal import MartletRedis

/// What was read of report streams and waits to be applied, first come, first served. A value.
///
/// As long as they are being applied, reports and what follows from them take fifty times their size. So it is bounded
/// over all shards how much of that is under way.
struct ReportBacklog {
  /// What one read of a shard has brought.
  struct Batch: Equatable {
    var shard: Int
    /// By whom the shard was owned when it was read.
    var owner: String
    var entries: [RedisValue]
    /// In bytes.
    let size: Int

    init(shard: Int, owner: String, entries: [RedisValue]) {
      self.shard = shard
      self.owner = owner
      self.entries = entries
      self.size = entries.reduce(0) { $0 + $1.payloadSize }
    }
  }

  /// How many bytes are under way before no further batch is begun.
  static let maximumSize = 262_144

  private var waiting: Deque<Batch> = []
  /// Of the batches under way.
  private var size = 0

  mutating func append(_ batch: Batch) { waiting.append(batch) }

  /// The next batch, which is under way from now on; nil if there is none, or enough is under way.
  mutating func begin() -> Batch? {
    guard size < Self.maximumSize, let batch = waiting.popFirst() else { return nil }
    size += batch.size
    return batch
  }

  /// The batch is committed, or its shard lost.
  mutating func finish(_ batch: Batch) { size -= batch.size }
}

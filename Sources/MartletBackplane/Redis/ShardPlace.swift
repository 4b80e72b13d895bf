internal import MartletRedis

/// What a reader finds when it connects to a shard. A value; decides whether its cursor still fits.
struct ShardPlace: Equatable {
  /// Identity of the shard's data.
  var lineage: String
  /// Whether the entry at the cursor is still there.
  var hasCursorEntry: Bool
  /// The oldest and the newest entry; nil if the stream is empty.
  var first: RedisStreamID?
  var last: RedisStreamID?

  struct Verdict: Equatable {
    /// Where to read on.
    var cursor: RedisStreamID
    /// What the subscriber has to know.
    var interruption: Interruption?
  }

  /// - Parameters:
  ///   - cursor: the last entry that was read; nil before the first connect.
  ///   - lineage: that of the data it was read from.
  func verdict(cursor: RedisStreamID?, lineage: String?) -> Verdict {
    guard let cursor, let lineage else {
      // Members may have joined before the reader was there.
      return Verdict(cursor: last ?? .zero, interruption: .unread)
    }
    if lineage != self.lineage {
      return Verdict(cursor: .zero, interruption: .otherData)
    }
    if hasCursorEntry {
      return Verdict(cursor: cursor, interruption: nil)
    }
    if let first, first < cursor {
      // Streams are trimmed at their old end only: a failover, or a restart from disk, lost the tail.
      return Verdict(cursor: last ?? .zero, interruption: .otherData)
    }
    return Verdict(cursor: cursor, interruption: .unread)
  }
}

extension ShardPlace {
  /// Reads the replies to GET lineage, XRANGE cursor cursor, XRANGE - +, XREVRANGE + -.
  init(_ replies: [RedisValue]) {
    lineage = replies[0].text ?? ""
    hasCursorEntry = replies[1].elements?.isEmpty == false
    first = Self.entryID(replies[2])
    last = Self.entryID(replies[3])
  }

  /// The id of the first entry of a reply.
  static func entryID(_ reply: RedisValue) -> RedisStreamID? {
    reply.elements?.first?.elements?.first?.text.flatMap { RedisStreamID($0) }
  }
}

internal import MartletRedis

/// What a reader finds when it looks whether its cursor still fits a shard's stream. A value.
///
/// A stream is trimmed at its old end only, and loses its tail only when its server loses data. So as long as the
/// entry at the cursor is there, everything after it is what was not read yet.
struct ShardPlace: Equatable {
  /// Whether the entry at the cursor is still there.
  var hasCursorEntry: Bool
  /// The newest entry; nil if the stream is empty.
  var last: RedisStreamID?

  struct Verdict: Equatable {
    /// Where to read on.
    var cursor: RedisStreamID
    /// Whether entries may be missing before the cursor: groups have to be compared.
    var isInterrupted: Bool
  }

  /// - Parameter cursor: the last entry that was read; nil before the first look; zero if the stream was empty.
  func verdict(cursor: RedisStreamID?) -> Verdict {
    switch cursor {
    case nil:
      // Members may have joined before the reader was there.
      Verdict(cursor: last ?? .zero, isInterrupted: true)
    case .zero?:
      Verdict(cursor: .zero, isInterrupted: false)
    case let cursor? where hasCursorEntry:
      Verdict(cursor: cursor, isInterrupted: false)
    case _?:
      // Trimmed away before it was read, lost by a fail-over, or another stream altogether.
      Verdict(cursor: last ?? .zero, isInterrupted: true)
    }
  }
}

extension ShardPlace {
  /// Reads the replies to XRANGE cursor cursor and XREVRANGE + - COUNT 1.
  init(cursorEntry: RedisValue, newest: RedisValue) {
    hasCursorEntry = cursorEntry.elements?.isEmpty == false
    last = Self.entryID(newest)
  }

  /// The id of the first entry of a reply.
  static func entryID(_ reply: RedisValue) -> RedisStreamID? {
    reply.elements?.first?.elements?.first?.text.flatMap { RedisStreamID($0) }
  }
}

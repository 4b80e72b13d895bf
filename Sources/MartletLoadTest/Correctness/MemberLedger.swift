/// What one member has received of each publisher of its group. Publishers are numbered within the
/// group, sequences count from zero.
///
/// The normal case, every sequence in its turn, costs one array element per publisher; only
/// deviations cost more.
struct MemberLedger: Sendable {
  /// What an arrival was.
  enum Arrival: Equatable {
    case inOrder
    /// Received before; not counted as delivered again.
    case duplicate
    /// For the first time, but after something that it should have come before.
    case reordered
    /// Out of its publisher's order because the publisher had to retry it; not the server's doing.
    case overtaken
  }

  /// Per publisher: every sequence below has been received.
  private var prefixes: [UInt32]
  /// Per publisher, received sequences above the prefix. Never holds the prefix itself.
  private var ahead: [Int: SequenceSet] = [:]
  /// Distinct publications received.
  private(set) var delivered = 0

  init(publishers: Int) {
    prefixes = Array(repeating: 0, count: publishers)
  }

  /// Enters an arrival.
  ///
  /// - Parameters:
  ///   - publisher: its number within the group, checked by the caller.
  ///   - isRetry: its publisher retried it after an `unavailable` error.
  ///   - isBehindOffset: its offset is not above that of the publication before it.
  mutating func record(
    publisher: Int, sequence: UInt32, isRetry: Bool = false, isBehindOffset: Bool = false
  ) -> Arrival {
    let prefix = prefixes[publisher]
    guard sequence >= prefix else { return .duplicate }
    var isLate = false
    if sequence == prefix, ahead.isEmpty {
      prefixes[publisher] = prefix + 1
    } else {
      var received = ahead[publisher] ?? SequenceSet()
      isLate = received.last.map { $0 > sequence } ?? false
      guard received.insert(sequence) else { return .duplicate }
      if let end = received.removeRun(startingAt: prefix) { prefixes[publisher] = end }
      ahead[publisher] = received.isEmpty ? nil : received
    }
    delivered += 1
    if isBehindOffset { return .reordered }
    guard isLate else { return .inOrder }
    return isRetry ? .overtaken : .reordered
  }

  /// Everything received of a publisher.
  func received(of publisher: Int) -> SequenceSet {
    var result = ahead[publisher] ?? SequenceSet()
    result.insert(0..<prefixes[publisher])
    return result
  }

  /// Whether exactly the sequences `0 ..< count` of a publisher, and maybe more, were received.
  func hasAll(of publisher: Int, below count: UInt32) -> Bool { prefixes[publisher] >= count }
}

/// What one member has received of each publisher of its group. Publishers are numbered within the group, sequences count from
/// zero.
///
/// The normal case, every sequence in its turn, costs one array element per publisher; only deviations cost more.
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

  private static let nothingYet = UInt32.max

  /// Per publisher: every sequence from the first one received, and below, has been received.
  private var prefixes: [UInt32]
  /// Per publisher the first sequence received; nil: all begin at zero, since the member was there before anybody published.
  private var firsts: [UInt32]?
  /// Per publisher, received sequences outside of first..<prefix.
  private var others: [Int: SequenceSet] = [:]
  /// Distinct publications received.
  private(set) var delivered = 0

  /// - Parameter isLate: whether something may have been published before the member came.
  init(publishers: Int, isLate: Bool = false) {
    prefixes = Array(repeating: 0, count: publishers)
    if isLate { firsts = Array(repeating: Self.nothingYet, count: publishers) }
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
    let first = first(of: publisher, at: sequence)
    let prefix = prefixes[publisher]
    guard !(first..<max(first, prefix)).contains(sequence) else { return .duplicate }
    var isLate = false
    if sequence == prefix, others.isEmpty {
      prefixes[publisher] = prefix + 1
    } else {
      var received = others[publisher] ?? SequenceSet()
      isLate = sequence < first || received.last.map { $0 > sequence } ?? false
      guard received.insert(sequence) else { return .duplicate }
      if let end = received.removeRun(startingAt: prefix) { prefixes[publisher] = end }
      others[publisher] = received.isEmpty ? nil : received
    }
    delivered += 1
    if isBehindOffset { return .reordered }
    guard isLate else { return .inOrder }
    return isRetry ? .overtaken : .reordered
  }

  /// Where the ledger of a publisher begins; at `sequence`, if that is its first.
  private mutating func first(of publisher: Int, at sequence: UInt32) -> UInt32 {
    guard let first = firsts?[publisher] else { return 0 }
    guard first == Self.nothingYet else { return first }
    firsts?[publisher] = sequence
    prefixes[publisher] = sequence
    return sequence
  }

  /// Everything received of a publisher.
  func received(of publisher: Int) -> SequenceSet {
    var result = others[publisher] ?? SequenceSet()
    if let first = firsts?[publisher] {
      if first != Self.nothingYet { result.insert(first..<prefixes[publisher]) }
    } else {
      result.insert(0..<prefixes[publisher])
    }
    return result
  }

  /// Whether all of `sequences` of a publisher, and maybe more, were received without a deviation.
  func hasAll(_ sequences: Range<UInt32>, of publisher: Int) -> Bool {
    guard !sequences.isEmpty else { return true }
    return (firsts?[publisher] ?? 0) <= sequences.lowerBound
      && prefixes[publisher] >= sequences.upperBound
  }
}

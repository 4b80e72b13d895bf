/// One deviation, named: which member, whose publications, which of them.
package struct Offender: Sendable, Equatable, Codable {
  package enum Kind: String, Sendable, Codable {
    case lost
    case duplicated
    case reordered
    /// Of a publisher; the member is the publisher itself.
    case unacknowledged
  }
  package let kind: Kind
  /// Number of the client that should have received, or did receive.
  package let member: Int
  /// Number of the client that published.
  package let publisher: Int
  package let firstSequence: UInt32
  package internal(set) var lastSequence: UInt32

  enum CodingKeys: String, CodingKey {
    case kind
    case member
    case publisher
    case firstSequence = "first_sequence"
    case lastSequence = "last_sequence"
  }

  package var description: String {
    let range =
      firstSequence == lastSequence
      ? "sequence \(firstSequence)" : "sequences \(firstSequence)–\(lastSequence)"
    let member = kind == .unacknowledged ? "" : "member \(member), "
    return "\(kind.rawValue): \(member)publisher \(publisher), \(range)"
  }
}

/// The first few deviations of a kind; the rest are only counted.
struct OffenderList: Sendable, Equatable, Codable {
  /// Enough to start looking, few enough to read.
  static let limit = 10

  let kind: Offender.Kind
  private(set) var offenders: [Offender] = []

  init(_ kind: Offender.Kind) {
    self.kind = kind
  }

  /// Appends a run of sequences; one that continues the newest entry extends it.
  mutating func add(member: Int, publisher: Int, sequences: Range<UInt32>) {
    if let last = offenders.last, last.member == member, last.publisher == publisher,
      last.lastSequence + 1 == sequences.lowerBound
    {
      offenders[offenders.count - 1].lastSequence = sequences.upperBound - 1
    } else if offenders.count < Self.limit {
      offenders.append(
        Offender(
          kind: kind, member: member, publisher: publisher,
          firstSequence: sequences.lowerBound, lastSequence: sequences.upperBound - 1))
    }
  }

  mutating func add(_ other: OffenderList) {
    offenders += other.offenders.prefix(Self.limit - offenders.count)
  }
}

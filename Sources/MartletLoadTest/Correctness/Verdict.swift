/// What the run proves about delivery, from the members' ledgers and the publishers' outboxes.
struct Verdict: Sendable, Equatable {
  /// One client at the end of the run, as publisher and as member.
  struct Client: Sendable {
    var ledger: MemberLedger
    /// Publications that became due: sequences below.
    var due: UInt32
    /// Those of them that never were acknowledged.
    var unacknowledged: SequenceSet
  }

  /// (member, publication) pairs that must have arrived: acknowledged, or seen by any member.
  private(set) var expected = 0
  /// Of these, how many did not arrive.
  private(set) var lost = 0
  /// Publications, not pairs.
  private(set) var unacknowledged = 0
  /// The first few of each.
  private(set) var lostOffenders = OffenderList(.lost)
  private(set) var unacknowledgedOffenders = OffenderList(.unacknowledged)

  /// Judges a whole run.
  ///
  /// - Parameter clients: in the order of their numbers; client `i` is member `i / groups` of group
  ///   `i % groups`.
  static func judge(clients: [Client], groups: Int) -> Verdict {
    var verdict = Verdict()
    for group in 0..<groups {
      let members = Array(stride(from: group, to: clients.count, by: groups))
      for (publisherIndex, publisher) in members.enumerated() {
        verdict.judge(publisher: publisher, index: publisherIndex, members, clients)
      }
    }
    return verdict
  }

  private mutating func judge(
    publisher: Int, index: Int, _ members: [Int], _ clients: [Client]
  ) {
    let due = clients[publisher].due
    let open = clients[publisher].unacknowledged
    unacknowledged += open.count
    for range in open.ranges {
      unacknowledgedOffenders.add(member: publisher, publisher: publisher, sequences: range)
    }

    var published = SequenceSet()
    published.insert(0..<due)
    if !open.isEmpty {
      published = published.subtracting(open)
      for member in members {
        for range in clients[member].ledger.received(of: index).ranges { published.insert(range) }
      }
    }
    expected += published.count * members.count
    for member in members where !clients[member].ledger.hasAll(of: index, below: due) {
      let missing = published.subtracting(clients[member].ledger.received(of: index))
      lost += missing.count
      for range in missing.ranges {
        lostOffenders.add(member: member, publisher: publisher, sequences: range)
      }
    }
  }
}

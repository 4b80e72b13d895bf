import MartletTestSupport
import Testing

@testable import MartletLoadTest

@Suite struct VerdictTests {
  @Test func `What everybody has is not lost`() {
    let verdict = Verdict.judge(
      clients: [
        client(received: [[0, 1], [0]], due: 2), client(received: [[0, 1], [0]], due: 1),
      ],
      groups: 1)
    #expect(verdict.expected == 6)
    #expect(verdict.lost == 0)
    #expect(verdict.unacknowledged == 0)
  }

  @Test func `An acknowledged publication that nobody has is lost by every member`() {
    let verdict = Verdict.judge(
      clients: [client(received: [[0], []], due: 3), client(received: [[0], []], due: 0)],
      groups: 1)
    #expect(verdict.lost == 4)
    #expect(
      verdict.lostOffenders.offenders == [
        Offender(kind: .lost, member: 0, publisher: 0, firstSequence: 1, lastSequence: 2),
        Offender(kind: .lost, member: 1, publisher: 0, firstSequence: 1, lastSequence: 2),
      ])
  }

  @Test func `An unacknowledged publication is lost only if another member has it`() {
    let unseen = Verdict.judge(
      clients: [
        client(received: [[], []], due: 1, open: [0]), client(received: [[], []], due: 0),
      ], groups: 1)
    #expect(unseen.lost == 0)
    #expect(unseen.unacknowledged == 1)
    let seen = Verdict.judge(
      clients: [
        client(received: [[], []], due: 1, open: [0]), client(received: [[0], []], due: 0),
      ], groups: 1)
    #expect(seen.lost == 1)
    #expect(seen.lostOffenders.offenders.map(\.member) == [0])
    #expect(seen.unacknowledged == 1)
  }

  @Test func `Offenders are named by client numbers, and only the first few`() {
    // Groups {0, 2} and {1, 3}; member 3 misses all of publisher 1.
    let sequences = Array(UInt32(0)..<40)
    let odd = sequences.filter { $0 % 2 == 1 }
    let verdict = Verdict.judge(
      clients: [
        client(received: [[], []], due: 0), client(received: [sequences, []], due: 40),
        client(received: [[], []], due: 0), client(received: [odd, []], due: 0),
      ], groups: 2)
    #expect(verdict.lost == 20)
    #expect(verdict.lostOffenders.offenders.count == OffenderList.limit)
    #expect(verdict.lostOffenders.offenders.allSatisfy { $0.member == 3 && $0.publisher == 1 })
  }

  @Test func `Random runs are judged as a walk over every pair judges them`() {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<200 {
      let groups = Int.random(in: 1...3, using: &generator)
      let count = Int.random(in: groups...8, using: &generator)
      let due = (0..<count).map { _ in UInt32.random(in: 0...6, using: &generator) }
      let open = due.map { due in (0..<due).filter { _ in Bool.random(using: &generator) } }
      // received[member][publisher]
      let received = (0..<count).map { member in
        (0..<count).map { publisher in
          member % groups == publisher % groups
            ? (0..<due[publisher]).filter { _ in Int.random(in: 0..<4, using: &generator) > 0 } : []
        }
      }
      var expected = 0
      var lost = 0
      for publisher in 0..<count {
        let members = (0..<count).filter { $0 % groups == publisher % groups }
        for sequence in 0..<due[publisher] {
          let isPublished =
            !open[publisher].contains(sequence)
            || members.contains { received[$0][publisher].contains(sequence) }
          guard isPublished else { continue }
          expected += members.count
          lost += members.count { !received[$0][publisher].contains(sequence) }
        }
      }
      let clients = (0..<count).map { member in
        let ofGroup = stride(from: member % groups, to: count, by: groups)
          .map { received[member][$0].shuffled(using: &generator) }
        return client(received: ofGroup, due: due[member], open: open[member])
      }
      let verdict = Verdict.judge(clients: clients, groups: groups)
      #expect(verdict.expected == expected)
      #expect(verdict.lost == lost)
      #expect(verdict.unacknowledged == open.reduce(0) { $0 + $1.count })
    }
  }

  /// - Parameter received: by publisher, numbered within the group.
  private func client(
    received: [[UInt32]], due: UInt32, open: [UInt32] = []
  ) -> Verdict.Client {
    var ledger = MemberLedger(publishers: received.count)
    for (publisher, sequences) in received.enumerated() {
      for sequence in sequences { _ = ledger.record(publisher: publisher, sequence: sequence) }
    }
    var unacknowledged = SequenceSet()
    for sequence in open { unacknowledged.insert(sequence) }
    return Verdict.Client(ledger: ledger, due: due, unacknowledged: unacknowledged)
  }
}

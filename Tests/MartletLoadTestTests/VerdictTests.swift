import MartletTestSupport
import Testing

@testable import MartletLoadTest

/// Judgements of members in groups of `count mod groups`, all of whom publish every second.
@Suite struct VerdictTests {
  private func plan(clients: Int, groups: Int = 1, audience: ProtocolAdapter.Audience = .group)
    -> Plan
  {
    var behaviour = Behaviour(name: "client", group: "rooms")
    behaviour.publishing = Publishing(gap: .constant(.seconds(1)))
    var phase = Phase(name: "run")
    phase.clients = clients
    var scenario = Scenario(
      name: "test", targets: [Target(host: "a", port: 1)], groups: ["rooms": .even(count: groups)],
      behaviours: [behaviour], phases: [phase])
    if audience != .group {
      scenario.adapter = ProtocolAdapter(publish: "{mark}")
      scenario.adapter?.audience = audience
    }
    return Plan(scenario)
  }

  private func timeline(_ plan: Plan) -> Timeline {
    var timeline = Timeline()
    timeline.begin(plan.scenario.phases[0], at: 0)
    return timeline
  }

  /// - Parameter received: by publisher, numbered within the group.
  private func member(
    _ number: Int, received: [[UInt32]], joined: UInt64 = 0, left: UInt64? = nil
  ) -> Verdict.Member {
    var ledger = MemberLedger(publishers: received.count, isLate: joined > 0)
    for (publisher, sequences) in received.enumerated() {
      for sequence in sequences { _ = ledger.record(publisher: publisher, sequence: sequence) }
    }
    return Verdict.Member(
      number: number, attendance: Attendance(joined: joined, left: left), ledger: ledger)
  }

  private func published(_ number: Int, due: UInt32, not missing: [UInt32] = []) -> PublishedRecord
  {
    var open = SequenceSet()
    for sequence in missing { open.insert(sequence) }
    return PublishedRecord(
      PublisherRecord(number: number, due: due, unacknowledged: open), witnessed: SequenceSet())
  }

  @Test func `What everybody has is not lost`() {
    let plan = plan(clients: 2)
    let verdict = Verdict.judge(
      [member(0, received: [[0, 1], [0]]), member(1, received: [[0, 1], [0]])],
      published: [published(0, due: 2), published(1, due: 1)], plan, timeline(plan))
    #expect(verdict.expected == 6 && verdict.lost == 0 && verdict.deprived == [])
  }

  @Test func `A published event that nobody has is lost by every member`() {
    let plan = plan(clients: 2)
    let verdict = Verdict.judge(
      [member(0, received: [[0], []]), member(1, received: [[0], []])],
      published: [published(0, due: 3), published(1, due: 0)], plan, timeline(plan))
    #expect(verdict.lost == 4 && verdict.deprived == [0, 1])
    #expect(
      verdict.lostOffenders.offenders == [
        Offender(kind: .lost, member: 0, publisher: 0, firstSequence: 1, lastSequence: 2),
        Offender(kind: .lost, member: 1, publisher: 0, firstSequence: 1, lastSequence: 2),
      ])
  }

  @Test func `Who came late is owed what was due from then on`() {
    let plan = plan(clients: 2)
    // Publisher 0 is due at 0 s, 1 s, 2 s, …; publisher 1 half a second later.
    let late = member(1, received: [[3, 4], [2, 3, 4]], joined: 2_200_000_000)
    let records = [published(0, due: 5), published(1, due: 5)]
    let verdict = Verdict.judge([late], published: records, plan, timeline(plan))
    #expect(verdict.expected == 5 && verdict.lost == 0)
    // One more than it is owed does no harm, one less does.
    let early = member(1, received: [[2, 3, 4], [2, 3, 4]], joined: 2_200_000_000)
    #expect(
      Verdict.judge([early], published: records, plan, timeline(plan)).lost == 0)
    let deprived = member(1, received: [[4], [2, 3, 4]], joined: 2_200_000_000)
    let judged = Verdict.judge([deprived], published: records, plan, timeline(plan))
    #expect(judged.lost == 1)
    #expect(
      judged.lostOffenders.offenders == [
        Offender(kind: .lost, member: 1, publisher: 0, firstSequence: 3, lastSequence: 3)
      ])
  }

  @Test func `Who left is not owed what was under way, but what lies before something later`() {
    var scenario = plan(clients: 2).scenario
    scenario.grace = .seconds(2)
    let plan = Plan(scenario)
    let records = [published(0, due: 20), published(1, due: 0)]
    func judge(_ received: [UInt32]) -> Verdict {
      Verdict.judge(
        [member(1, received: [received, []], left: 10_000_000_000)], published: records, plan,
        timeline(plan))
    }
    #expect(judge(Array(0..<8)).lost == 0)
    #expect(judge(Array(0..<8)).expected == 8)
    #expect(judge(Array(0..<7)).lost == 1)
    #expect(judge(Array(0..<8) + [9]).lost == 1)
    #expect(judge(Array(0..<10)).expected == 10)
  }

  @Test func `An unacknowledged publication is lost only if another member has it`() {
    let plan = plan(clients: 2)
    var open = SequenceSet()
    open.insert(0)
    let records = [
      PublisherRecord(number: 0, due: 1, unacknowledged: open),
      PublisherRecord(number: 1, due: 0, unacknowledged: SequenceSet()),
    ]
    func judge(_ members: [Verdict.Member]) -> Verdict {
      let seen = Verdict.witnessed(records, by: members, plan)
      return Verdict.judge(
        members,
        published: records.map {
          PublishedRecord($0, witnessed: seen[$0.number] ?? SequenceSet())
        }, plan, timeline(plan))
    }
    let unseen = judge([member(0, received: [[], []]), member(1, received: [[], []])])
    #expect(unseen.lost == 0 && unseen.expected == 0)
    let seen = judge([member(0, received: [[], []]), member(1, received: [[0], []])])
    #expect(seen.lost == 1 && seen.expected == 2)
    #expect(seen.lostOffenders.offenders.map(\.member) == [0])
    #expect(Verdict.unacknowledged(records).count == 1)
  }

  @Test func `Who has left for good leaves no acknowledgement to be missed`() {
    var open = SequenceSet()
    open.insert(0)
    let left = PublisherRecord(number: 0, due: 1, unacknowledged: open, hasLeft: true)
    #expect(Verdict.unacknowledged([left]).count == 0 && !left.isOpen)
  }

  @Test(arguments: [
    (ProtocolAdapter.Audience.group, 4), (.others, 2), (.publisher, 2),
  ])
  func `Only its audience is owed a publication`(
    _ audience: ProtocolAdapter.Audience, _ expected: Int
  ) {
    let plan = plan(clients: 2, audience: audience)
    let members = [member(0, received: [[], []]), member(1, received: [[], []])]
    let verdict = Verdict.judge(
      members, published: [published(0, due: 1), published(1, due: 1)], plan, timeline(plan))
    #expect(verdict.expected == expected && verdict.lost == expected)
  }

  @Test func `Offenders are named by client numbers, and only the first few`() {
    // Groups {0, 2} and {1, 3}; member 3 misses every other one of publisher 1.
    let plan = plan(clients: 4, groups: 2)
    let sequences = Array(UInt32(0)..<40)
    let odd = sequences.filter { $0 % 2 == 1 }
    let members = [
      member(0, received: [[], []]), member(1, received: [sequences, []]),
      member(2, received: [[], []]), member(3, received: [odd, []]),
    ]
    let records = (0..<4).map { published($0, due: $0 == 1 ? 40 : 0) }
    let verdict = Verdict.judge(members, published: records, plan, timeline(plan))
    #expect(verdict.lost == 20)
    #expect(verdict.lostOffenders.offenders.count == OffenderList.limit)
    #expect(verdict.lostOffenders.offenders.allSatisfy { $0.member == 3 && $0.publisher == 1 })
  }

  @Test func `Random runs, in any number of parts, are judged as a walk over every pair judges`() {
    let seed = UInt64.random(in: 0 ... .max)
    print("VerdictTests seed: \(seed)")
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<300 {
      let groups = Int.random(in: 1...3, using: &generator)
      let count = Int.random(in: groups...8, using: &generator)
      let plan = plan(clients: count, groups: groups)
      let timeline = timeline(plan)
      let due = (0..<count).map { _ in UInt32.random(in: 0...6, using: &generator) }
      let open = due.map { due in (0..<due).filter { _ in Bool.random(using: &generator) } }
      let joined = (0..<count).map { _ -> UInt64 in
        Bool.random(using: &generator)
          ? 0 : UInt64.random(in: 1...7_000, using: &generator) * 1_000_000
      }
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
          let time =
            UInt64(sequence) * 1_000_000_000
            + UInt64((Double(publisher) / Double(count) * 1e9).rounded())
          let isPublished =
            !open[publisher].contains(sequence)
            || members.contains { received[$0][publisher].contains(sequence) }
          guard isPublished else { continue }
          for member in members where joined[member] == 0 || time >= joined[member] {
            expected += 1
            if !received[member][publisher].contains(sequence) { lost += 1 }
          }
        }
      }
      let members = (0..<count).map { number in
        let ofGroup = stride(from: number % groups, to: count, by: groups)
          .map { received[number][$0].shuffled(using: &generator) }
        return member(number, received: ofGroup, joined: joined[number])
      }
      let records = (0..<count).map { number in
        var unacknowledged = SequenceSet()
        for sequence in open[number] { unacknowledged.insert(sequence) }
        return PublisherRecord(
          number: number, due: due[number], unacknowledged: unacknowledged)
      }
      // As several event loops would.
      let parts = Dictionary(grouping: members) { _ in Int.random(in: 0...2, using: &generator) }
      var seen: [Int: SequenceSet] = [:]
      for part in parts.values {
        seen.merge(Verdict.witnessed(records, by: part, plan)) { $0.union($1) }
      }
      let published = records.map {
        PublishedRecord($0, witnessed: seen[$0.number] ?? SequenceSet())
      }
      var verdict = Verdict()
      for part in parts.values {
        verdict.add(Verdict.judge(part, published: published, plan, timeline))
      }
      #expect(verdict.expected == expected)
      #expect(verdict.lost == lost)
      #expect(Verdict.unacknowledged(records).count == open.reduce(0) { $0 + $1.count })
    }
  }
}

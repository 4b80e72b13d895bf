/// What a run proves about delivery. Verdicts of loops and of processes add up.
struct Verdict: Sendable, Equatable, Codable {
  /// A member, wherever it is.
  struct Member: Sendable {
    var number: Int
    var attendance: Attendance
    var ledger: MemberLedger
  }

  /// (member, publication) pairs that must have arrived: acknowledged, or seen by any member.
  var expected = 0
  /// Of these, how many did not arrive.
  var lost = 0
  /// The first few.
  var lostOffenders = OffenderList(.lost)
  /// Members that miss something.
  var deprived: [Int] = []

  mutating func add(_ other: Verdict) {
    expected += other.expected
    lost += other.lost
    lostOffenders.add(other.lostOffenders)
    deprived += other.deprived
  }

  /// Publications, each with the few that were named, that never were acknowledged.
  static func unacknowledged(
    _ records: [PublisherRecord]
  ) -> (count: Int, offenders: OffenderList) {
    var offenders = OffenderList(.unacknowledged)
    var count = 0
    for record in records where record.isOpen {
      count += record.unacknowledged.count
      for range in record.unacknowledged.ranges {
        offenders.add(member: record.number, publisher: record.number, sequences: range)
      }
    }
    return (count, offenders)
  }

  /// Which of the publications without an acknowledgement these members have received.
  static func witnessed(
    _ records: [PublisherRecord], by members: [Member], _ plan: Plan
  ) -> [Int: SequenceSet] {
    var doubtful: [Int: [PublisherRecord]] = [:]
    for record in records where !record.unacknowledged.isEmpty {
      doubtful[plan.clients[record.number].group, default: []].append(record)
    }
    var seen: [Int: SequenceSet] = [:]
    guard !doubtful.isEmpty else { return seen }
    for member in members {
      for record in doubtful[plan.clients[member.number].group] ?? [] {
        guard let index = plan.clients[record.number].publisher else { continue }
        for range in member.ledger.received(of: index).ranges {
          seen[record.number, default: SequenceSet()].insert(range)
        }
      }
    }
    return seen
  }

  /// Judges what `members` have received of what was published.
  ///
  /// - Parameter published: of every publisher of the members' groups.
  static func judge(
    _ members: [Member], published: [PublishedRecord], _ plan: Plan, _ timeline: Timeline
  ) -> Verdict {
    var groups: [Int: [Member]] = [:]
    for member in members { groups[plan.clients[member.number].group, default: []].append(member) }
    let audience = plan.scenario.adapter?.audience ?? .group
    let underWay = plan.scenario.grace.nanoseconds
    var verdict = Verdict()
    var deprived: Set<Int> = []
    for record in published {
      let publisher = plan.clients[record.number]
      guard let place = publisher.publisher, let members = groups[publisher.group],
        let timetable = timeline.timetable(of: record.number, plan)
      else { continue }
      var index = SequenceIndex(timetable, count: record.due, timeline.pace, publisher: place)
      for member in members where audience.includes(member.number, of: record.number) {
        if verdict.judge(member, record, &index, underWay: underWay) {
          deprived.insert(member.number)
        }
      }
    }
    verdict.deprived = deprived.sorted()
    return verdict
  }

  /// - Returns: whether the member misses something.
  private mutating func judge(
    _ member: Member, _ record: PublishedRecord, _ index: inout SequenceIndex, underWay: UInt64
  ) -> Bool {
    let isWhole =
      member.attendance.left == nil && record.unpublished.isEmpty && member.attendance.joined == 0
    if isWhole, member.ledger.hasAll(0..<record.due, of: index.publisher) {
      expected += Int(record.due)
      return false
    }
    let received = member.ledger.received(of: index.publisher)
    let range = member.attendance.owed(
      due: record.due, seen: received.last.map { $0 + 1 } ?? 0, underWay: underWay
    ) { index.first(from: $0) }
    var owed = SequenceSet()
    owed.insert(range)
    owed = owed.subtracting(record.unpublished)
    expected += owed.count
    let missing = owed.subtracting(received)
    lost += missing.count
    for range in missing.ranges {
      lostOffenders.add(member: member.number, publisher: record.number, sequences: range)
    }
    return !missing.isEmpty
  }
}

/// What became of what was published through a fault.
struct FaultReport: CustomStringConvertible {
  let name: String
  private(set) var acknowledged = 0
  private(set) var refused = 0
  /// Acknowledged, and not in the group's history.
  private(set) var lost = 0
  /// In the history twice.
  private(set) var duplicated = 0
  /// In the history before something that their publisher had sent earlier.
  private(set) var reordered = 0
  /// How often members were told that they missed something, and to how many members that happened.
  private(set) var told = 0
  private(set) var toldMembers = 0
  private(set) var members = 0
  private(set) var reconnects = 0
  /// Members that saw something else than the history has, and were not told.
  private(set) var deceived: [String] = []

  init(name: String) {
    self.name = name
  }

  mutating func add(_ publishers: [GroupPublisher], _ history: [Publication]) {
    for publisher in publishers {
      let numbers = history.filter { $0.publisher == publisher.name }.map(\.number)
      let kept = Set(numbers)
      acknowledged += publisher.acknowledged
      refused += publisher.refusals
      lost += (1...max(publisher.acknowledged, 1)).filter { !kept.contains($0) }.count
      duplicated += numbers.count - kept.count
      reordered += zip(numbers, numbers.dropFirst()).filter { $0 > $1 }.count
    }
  }

  mutating func add(_ member: GroupMember, _ history: [Publication]) {
    members += 1
    told += member.told
    toldMembers += member.told > 0 ? 1 : 0
    reconnects += member.reconnects
    if let problem = member.problem(comparedWith: history) {
      deceived.append("a member of \(member.group) \(problem)")
    }
  }

  var description: String {
    "\(name): \(acknowledged) acknowledged, \(refused) refused and sent again, \(lost) lost,"
      + " \(duplicated) duplicated, \(reordered) reordered; \(members) members, \(toldMembers) told"
      + " (\(told) times), \(reconnects) reconnects, \(deceived.count) deceived"
  }
}

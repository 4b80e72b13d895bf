internal import MartletCore

/// The rosters of one shard's groups. A value; time, in that of a ``PresenceClock``, is an argument.
struct GroupRosters: Sendable {
  private struct Departure: Sendable {
    var group: GroupName
    var userID: String
  }

  /// What was done since the state began.
  struct Counters: Equatable, Sendable {
    var diffs = 0
    /// Changes of which groups were not told: what came after made them void, or the group is only counted.
    var coalesced = 0
  }

  let rules: PresenceRules
  private(set) var groups: PackedDictionary<GroupName, Roster> = [:]
  private(set) var counters = Counters()
  /// Users, counted once for each of their groups.
  private(set) var memberCount = 0
  /// Also departures that were called off.
  private var departures = DeadlineQueue<Departure>()
  /// Groups that have to be told something.
  private var tellings = DeadlineQueue<GroupName>()

  init(rules: PresenceRules) {
    self.rules = rules
  }

  /// The next time at which ``tick(at:_:)`` may have something to do.
  var nextDeadline: Duration? {
    switch (departures.next, tellings.next) {
    case (let left?, let right?): min(left, right)
    case (let left, let right): left ?? right
    }
  }

  // MARK: Inputs

  /// A connection joins, or has another meta.
  ///
  /// - Parameter isNew: whether it is unknown.
  mutating func join(
    _ session: PresenceSession, gateway: String, isNew: Bool, wallClock: Int64,
    at time: Duration, _ step: inout PresenceStep
  ) {
    let key = ConnectionKey(gateway: gateway, connectionID: session.connectionID)
    let id = session.user.id
    // In place, and with one look-up: there may be thousands of groups and people.
    let arrival = groups[session.group, default: Roster()]
      .join(key, session, isNew: isNew, wallClock: wallClock)
    guard let arrival else { return }
    if arrival.isFirst { memberCount += 1 }
    let person = arrival.person
    step.append(
      .connected(
        MembershipKey(gateway: gateway, membership: Membership(session)),
        RosterEntry(
          user: session.user, since: person.since, joined: arrival.joined, meta: session.meta)))
    if arrival.isBack { step.append(.returned(session.group, userID: id)) }
    list(person, in: session.group, &step)
    step.append(.seen(session.group, userID: id, wallClock))
    owe(person, in: session.group, at: time, &step)
  }

  /// A connection leaves; it must be one that has joined.
  mutating func leave(
    _ key: MembershipKey, userID: String, wallClock: Int64, at time: Duration, afterDrain: Bool,
    _ step: inout PresenceStep
  ) {
    let group = key.membership.group
    let connection = ConnectionKey(
      gateway: key.gateway, connectionID: key.membership.connectionID)
    step.append(.disconnected(key))
    guard groups[group]?.people[userID]?.remove(connection) == true else { return }
    guard let person = groups[group]?.people[userID] else { return }
    step.append(.seen(group, userID: userID, wallClock))
    list(person, in: group, &step)
    if person.connections.isEmpty {
      depart(person, in: group, after: delay(afterDrain), at: time)
      step.append(.departing(group, person.profile, afterDrain: afterDrain))
    } else {
      owe(person, in: group, at: time, &step)
    }
  }

  /// Lets departures happen, and tells groups what is due.
  mutating func tick(at time: Duration, _ steps: inout [PresenceStep]) {
    while let next = departures.popDue(at: time) {
      let (group, id) = (next.subject.group, next.subject.userID)
      // Who came back meanwhile has no departure, or a later one.
      guard let person = groups[group]?.people[id], person.departure == next.time else { continue }
      expire(person, since: next.time, in: group, at: time, &steps)
    }
    while let next = tellings.popDue(at: time) {
      tell(next.subject, at: time, &steps)
    }
  }

  private mutating func expire(
    _ person: Roster.Person, since next: Duration, in group: GroupName, at time: Duration,
    _ steps: inout [PresenceStep]
  ) {
    let id = person.user.id
    if person.told != nil, groups[group]?.isCounting == false {
      groups[group]?.people[id]?.leaving = Roster.Leaving(
        end: next, metas: person.profile.metas, isOver: true)
      if groups[group]?.debts[id] == nil { groups[group]?.owe(.left, of: id) }
      schedule(group, at: time)
      return
    }
    var step: PresenceStep = []
    if groups[group]?.debts[id] != nil {
      // Joined and left before the group was told.
      counters.coalesced += 1
      settle(id, in: group, &step)
    }
    remove(id, from: group, &step)
    if groups[group]?.isCounting == true { oweCount(group, at: time, &step) }
    steps.append(step)
  }

  // MARK: Telling

  private mutating func tell(
    _ group: GroupName, at time: Duration, _ steps: inout [PresenceStep]
  ) {
    guard groups[group] != nil else { return }
    groups[group]?.isScheduled = false
    groups[group]?.quietUntil = time + rules.batch
    if groups[group]?.isCounting == true {
      tellCount(group, &steps)
    } else {
      tellLeaves(group, &steps)
      if let count = groups[group]?.people.count, count > rules.cap {
        beginCounting(group, &steps)
      } else {
        tellNames(group, &steps)
      }
    }
    forgetIfEmpty(group)
  }

  /// In the order of their ids, so that two runs tell alike.
  private func debtors(_ group: GroupName) -> [String] {
    (groups[group]?.debts ?? [:]).keys.sorted()
  }

  private mutating func tellLeaves(_ group: GroupName, _ steps: inout [PresenceStep]) {
    for id in debtors(group) {
      guard let person = groups[group]?.people[id], person.hasLeft else { continue }
      var step: PresenceStep = []
      settle(id, in: group, &step)
      remove(id, from: group, &step)
      let count = groups[group]?.people.count ?? 0
      announce(.left(person.user, count: count), in: group, &step)
      steps.append(step)
    }
  }

  private mutating func tellNames(_ group: GroupName, _ steps: inout [PresenceStep]) {
    for id in debtors(group) {
      guard let person = groups[group]?.people[id] else {
        _ = groups[group]?.settle(id)
        continue
      }
      // Who is within the grace either comes back, or leaves.
      guard person.departure == nil else { continue }
      var step: PresenceStep = []
      settle(id, in: group, &step)
      let profile = person.profile
      groups[group]?.people[id]?.told = profile.hashValue
      if person.told == nil {
        let count = groups[group]?.people.count ?? 0
        announce(.joined(profile, count: count), in: group, &step)
      } else if person.told != profile.hashValue {
        announce(.updated(profile), in: group, &step)
      } else {
        counters.coalesced += 1
      }
      if !step.isEmpty { steps.append(step) }
    }
  }

  private mutating func beginCounting(_ group: GroupName, _ steps: inout [PresenceStep]) {
    var step: PresenceStep = []
    for id in debtors(group) {
      counters.coalesced += 1
      if let person = groups[group]?.people[id] {
        groups[group]?.people[id]?.told = person.profile.hashValue
      }
      settle(id, in: group, &step)
    }
    groups[group]?.isCounting = true
    let count = groups[group]?.people.count ?? 0
    groups[group]?.toldCount = count
    step.append(.counting(group, true))
    announce(.counted(count, isListed: false), in: group, &step)
    steps.append(step)
  }

  private mutating func tellCount(_ group: GroupName, _ steps: inout [PresenceStep]) {
    guard groups[group]?.owesCount == true, let count = groups[group]?.people.count else { return }
    groups[group]?.owesCount = false
    var step: PresenceStep = [.settled(group, DiffDebt(kind: .count, userID: ""))]
    if count <= rules.recoveredCap {
      groups[group]?.isCounting = false
      step.append(.counting(group, false))
      announce(.counted(count, isListed: true), in: group, &step)
    } else if count != groups[group]?.toldCount {
      announce(.counted(count, isListed: false), in: group, &step)
    } else {
      counters.coalesced += 1
    }
    groups[group]?.toldCount = count
    steps.append(step)
  }

  private mutating func announce(
    _ kind: PresenceDiff.Kind, in group: GroupName, _ step: inout PresenceStep
  ) {
    counters.diffs += 1
    step.append(.announced(PresenceDiff(group: group, kind: kind)))
  }

  // MARK: Debts

  /// The group does not know `person`, or has been told something else, perhaps.
  private mutating func owe(
    _ person: Roster.Person, in group: GroupName, at time: Duration, _ step: inout PresenceStep
  ) {
    let id = person.user.id
    if groups[group]?.isCounting == true {
      groups[group]?.people[id]?.told = person.profile.hashValue
      if person.told == nil {
        oweCount(group, at: time, &step)
      } else {
        counters.coalesced += 1
      }
      return
    }
    let debt = groups[group]?.debts[id]
    if debt != nil { counters.coalesced += 1 }
    switch debt {
    case .joined, .updated, .count:
      break  // The group will be told what is so then.
    case .left, nil:
      if person.told == nil {
        note(.joined, of: id, in: group, &step)
      } else if person.told != person.profile.hashValue {
        note(.updated, of: id, in: group, &step)
      } else {
        _ = groups[group]?.settle(id)
        return
      }
    }
    schedule(group, at: time)
  }

  private mutating func note(
    _ kind: DiffDebt.Kind, of id: String, in group: GroupName, _ step: inout PresenceStep
  ) {
    groups[group]?.owe(kind, of: id)
    step.append(.owed(group, DiffDebt(kind: kind, userID: id)))
  }

  private mutating func settle(
    _ id: String, in group: GroupName, _ step: inout PresenceStep
  ) {
    guard let kind = groups[group]?.settle(id), kind != .left else { return }
    step.append(.settled(group, DiffDebt(kind: kind, userID: id)))
  }

  private mutating func oweCount(
    _ group: GroupName, at time: Duration, _ step: inout PresenceStep
  ) {
    guard groups[group]?.owesCount == false else {
      counters.coalesced += 1
      return
    }
    groups[group]?.owesCount = true
    step.append(.owed(group, DiffDebt(kind: .count, userID: "")))
    schedule(group, at: time)
  }

  private mutating func schedule(_ group: GroupName, at time: Duration) {
    guard let roster = groups[group], !roster.isScheduled else { return }
    groups[group]?.isScheduled = true
    tellings.insert(group, at: max(time, roster.quietUntil))
  }

  // MARK: Steps

  private func list(
    _ person: Roster.Person, in group: GroupName, _ step: inout PresenceStep
  ) {
    step.append(.listed(group, person.profile, connections: person.connections.count))
  }

  private func delay(_ afterDrain: Bool) -> Duration {
    afterDrain ? max(rules.drainGrace, rules.grace) : rules.grace
  }

  private mutating func depart(
    _ person: Roster.Person, in group: GroupName, after delay: Duration, at time: Duration
  ) {
    let id = person.user.id
    groups[group]?.people[id]?.leaving = Roster.Leaving(
      end: time + delay, metas: person.profile.metas)
    departures.insert(Departure(group: group, userID: id), at: time + delay)
  }

  private mutating func remove(
    _ userID: String, from group: GroupName, _ step: inout PresenceStep
  ) {
    groups[group]?.people[userID] = nil
    memberCount -= 1
    step.append(.returned(group, userID: userID))
    step.append(.unlisted(group, userID: userID))
    forgetIfEmpty(group)
  }

  private mutating func forgetIfEmpty(_ group: GroupName) {
    guard let roster = groups[group], roster.people.isEmpty, roster.isIdle, !roster.isCounting
    else { return }
    groups[group] = nil
  }
}

// MARK: Loading

extension GroupRosters {
  /// Whoever is restored is known to the group, as far as nothing else is said of them later.
  mutating func restore(_ key: MembershipKey, _ entry: RosterEntry) {
    restore(entry.user, in: key.membership.group, since: entry.since) { person in
      let connection = Roster.Connection(
        key: ConnectionKey(gateway: key.gateway, connectionID: key.membership.connectionID),
        joined: entry.joined, meta: entry.meta)
      if !person.connections.contains(connection) { person.add(connection) }
    }
  }

  mutating func restoreDeparting(
    _ profile: MemberProfile, in group: GroupName, afterDrain: Bool, at time: Duration
  ) {
    restore(profile.user, in: group, since: profile.joinedAt) {
      $0.leaving = Roster.Leaving(end: time, metas: profile.metas)
    }
    guard let person = groups[group]?.people[profile.user.id] else { return }
    depart(person, in: group, after: delay(afterDrain), at: time)
  }

  private mutating func restore(
    _ user: User, in group: GroupName, since: Int64, _ change: (inout Roster.Person) -> Void
  ) {
    var person = Roster.Person(user: user, since: since)
    if let former = groups[group]?.people[user.id] { person = former } else { memberCount += 1 }
    change(&person)
    person.told = person.profile.hashValue
    groups[group, default: Roster()].people[user.id] = person
  }

  mutating func restoreCounting(_ group: GroupName) {
    groups[group, default: Roster()].isCounting = true
  }

  /// Takes what the group was not told, after those of whom it was not.
  mutating func restore(_ debt: DiffDebt, of group: GroupName, at time: Duration) {
    switch debt.kind {
    case .joined: groups[group]?.people[debt.userID]?.told = nil
    case .updated: groups[group]?.people[debt.userID]?.told = 0
    case .left: return
    case .count: groups[group]?.owesCount = true
    }
    if debt.kind != .count { groups[group]?.owe(debt.kind, of: debt.userID) }
    schedule(group, at: time)
  }

  /// Takes the users of `previous` as about to leave, since what was persisted of them is lost: groups know them.
  mutating func adopt(
    _ previous: GroupRosters, allowance: Duration, at time: Duration,
    _ steps: inout [PresenceStep]
  ) {
    for (group, roster) in previous.groups {
      var step: PresenceStep = []
      if roster.isCounting, groups[group]?.isCounting != true {
        groups[group, default: Roster()].isCounting = true
        groups[group]?.toldCount = roster.toldCount
        step.append(.counting(group, true))
      }
      for (id, former) in roster.people where groups[group]?.people[id] == nil {
        var person = former
        person.removeConnections()
        groups[group, default: Roster()].people[id] = person
        memberCount += 1
        depart(person, in: group, after: rules.grace + allowance, at: time)
        step.append(.departing(group, person.profile, afterDrain: true))
        list(person, in: group, &step)
        if person.told == nil { owe(person, in: group, at: time, &step) }
      }
      if !step.isEmpty { steps.append(step) }
    }
  }
}

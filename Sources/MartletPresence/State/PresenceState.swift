internal import HeapModule
internal import MartletCore

/// Who is in the groups of one shard.
///
/// A value without I/O or clock: reports, lost gateways and the passing of time go in, changes come out,
/// to be persisted and announced together. Users count once however many connections they have; a user
/// without connections stays for the grace.
struct PresenceState: Sendable {
  private struct Person: Sendable {
    var user: User
    var joined: Int64
    var connections: Set<ConnectionKey> = []
    /// When the user leaves, in time of ``clock``; nil while there are connections.
    var departure: Duration?
  }

  private struct Membership: Hashable, Sendable {
    var group: GroupName
    var connectionID: String
  }

  private struct Gateway: Sendable {
    var sequence: UInt64 = 0
    /// With the user's id.
    var memberships: [Membership: String] = [:]
  }

  private struct Departure: Comparable, Sendable {
    var time: Duration
    var group: GroupName
    var userID: String

    static func < (left: Departure, right: Departure) -> Bool { left.time < right.time }
  }

  /// Between a user's last connection and the leave.
  let grace: Duration
  private var clock = PresenceClock()
  private var groups: [GroupName: [String: Person]] = [:]
  private var gateways: [String: Gateway] = [:]
  /// Also departures that were called off; each is checked when its time comes.
  private var departures = Heap<Departure>()
  private var nextJoined: Int64 = 1

  init(grace: Duration) {
    self.grace = grace
  }

  // MARK: Questions

  /// Each user of the group once, ordered by when they joined; 0 connections within the grace.
  func members(of group: GroupName) -> [PresenceMember] {
    (groups[group] ?? [:]).values.sorted { $0.joined < $1.joined }.map {
      PresenceMember(user: $0.user, connections: $0.connections.count)
    }
  }

  /// Every gateway that has reported and neither said goodbye nor was removed.
  var knownGateways: some Collection<String> { gateways.keys }

  /// Whether time matters: somebody's grace is running.
  var hasDepartures: Bool { !departures.isEmpty }

  var groupCount: Int { groups.count }

  /// Users, counted once for each of their groups.
  var memberCount: Int { groups.values.reduce(0) { $0 + $1.count } }

  // MARK: Inputs

  /// Takes a report. A repetition changes nothing; after a gap a snapshot is requested.
  mutating func apply(_ report: PresenceReport, now: Duration) -> [PresenceChange] {
    clock.advance(to: now)
    let last = gateways[report.gateway]?.sequence ?? 0
    guard report.sequence > last else { return [] }
    var changes: [PresenceChange] = []
    switch report.body {
    case .operations(let operations):
      // Reports between were lost with a Redis that failed over, or this is a gateway that was removed
      // and lives. What it says now holds; what it had said before is unknown.
      if report.sequence - last > 1 { changes.append(.requestSnapshot(gateway: report.gateway)) }
      for operation in operations {
        switch operation {
        case .join(let session):
          join(session, gateway: report.gateway, &changes)
        case .leave(let group, let connectionID):
          let membership = Membership(group: group, connectionID: connectionID)
          leave(membership, gateway: report.gateway, &changes)
        }
      }
    case .snapshot(let sessions):
      var gone = Set((gateways[report.gateway]?.memberships ?? [:]).keys)
      // Joins come first, so that nobody's grace begins who only changed connections.
      for session in sessions {
        gone.remove(Membership(group: session.group, connectionID: session.connectionID))
        join(session, gateway: report.gateway, &changes)
      }
      for membership in gone { leave(membership, gateway: report.gateway, &changes) }
    case .goodbye:
      remove(report.gateway, &changes)
      return changes
    }
    gateways[report.gateway, default: Gateway()].sequence = report.sequence
    changes.append(.advance(gateway: report.gateway, sequence: report.sequence))
    return changes
  }

  /// A gateway is lost: the grace of its users begins, unless they are elsewhere too.
  mutating func removeGateway(_ gateway: String, now: Duration) -> [PresenceChange] {
    clock.advance(to: now)
    var changes: [PresenceChange] = []
    remove(gateway, &changes)
    return changes
  }

  /// Time passes. While ``hasDepartures``, call more often than every ``PresenceClock/maximumStep``.
  mutating func tick(now: Duration) -> [PresenceChange] {
    clock.advance(to: now)
    var changes: [PresenceChange] = []
    while let next = departures.min, next.time <= clock.elapsed {
      departures.removeMin()
      // Who came back meanwhile has no departure, or a later one.
      guard let person = groups[next.group]?[next.userID], person.departure == next.time else {
        continue
      }
      forget(person, in: next.group)
      changes.append(
        .erase(
          group: next.group, field: .departing(userID: next.userID),
          announcing: PresenceDiff(kind: .left, group: next.group, user: person.user)))
    }
    return changes
  }

  // MARK: Steps

  private mutating func join(
    _ session: PresenceSession, gateway: String, _ changes: inout [PresenceChange]
  ) {
    let membership = Membership(group: session.group, connectionID: session.connectionID)
    let id = session.user.id
    if let former = gateways[gateway]?.memberships[membership] {
      if former == id { return }
      // Connection ids are not reused for another user; if one is, the later report holds.
      leave(membership, gateway: gateway, &changes)
    }
    let isNew = groups[session.group]?[id] == nil
    if isNew {
      groups[session.group, default: [:]][id] = Person(user: session.user, joined: nextJoined)
      nextJoined += 1
    }
    let key = ConnectionKey(gateway: gateway, connectionID: session.connectionID)
    // In place: a user may have many connections.
    groups[session.group]?[id]?.user = session.user
    groups[session.group]?[id]?.connections.insert(key)
    guard let person = groups[session.group]?[id] else { return }
    gateways[gateway, default: Gateway()].memberships[membership] = id
    changes.append(
      .store(
        group: session.group, field: .connection(key), value: value(of: person),
        announcing: isNew
          ? PresenceDiff(kind: .joined, group: session.group, user: session.user) : nil))
    if person.departure != nil {
      groups[session.group]?[id]?.departure = nil
      changes.append(.erase(group: session.group, field: .departing(userID: id), announcing: nil))
    }
  }

  /// An unknown membership is a repetition.
  private mutating func leave(
    _ membership: Membership, gateway: String, _ changes: inout [PresenceChange]
  ) {
    guard let id = gateways[gateway]?.memberships.removeValue(forKey: membership) else { return }
    let key = ConnectionKey(gateway: gateway, connectionID: membership.connectionID)
    groups[membership.group]?[id]?.connections.remove(key)
    if var person = groups[membership.group]?[id], person.connections.isEmpty {
      depart(&person, in: membership.group, after: grace, &changes)
      groups[membership.group]?[id] = person
    }
    // After the departure: were only the first part persisted, the user would still be there.
    changes.append(.erase(group: membership.group, field: .connection(key), announcing: nil))
  }

  private mutating func depart(
    _ person: inout Person, in group: GroupName, after delay: Duration,
    _ changes: inout [PresenceChange]
  ) {
    let time = clock.elapsed + delay
    person.departure = time
    departures.insert(Departure(time: time, group: group, userID: person.user.id))
    changes.append(
      .store(
        group: group, field: .departing(userID: person.user.id), value: value(of: person),
        announcing: nil))
  }

  private mutating func remove(_ gateway: String, _ changes: inout [PresenceChange]) {
    for membership in (gateways[gateway]?.memberships ?? [:]).keys {
      leave(membership, gateway: gateway, &changes)
    }
    gateways[gateway] = nil
    changes.append(.forget(gateway: gateway))
  }

  private mutating func forget(_ person: Person, in group: GroupName) {
    groups[group]?[person.user.id] = nil
    if groups[group]?.isEmpty == true { groups[group] = nil }
  }

  private func value(of person: Person) -> MemberValue {
    MemberValue(user: person.user, joined: person.joined)
  }
}

// MARK: Loading

extension PresenceState {
  /// Takes a persisted field of a group. Call ``finishRestoring(now:)`` after the last one.
  mutating func restore(group: GroupName, field: MemberField, value: MemberValue) {
    let id = value.user.id
    var person =
      groups[group]?[id] ?? Person(user: value.user, joined: value.joined)
    person.joined = min(person.joined, value.joined)
    nextJoined = max(nextJoined, value.joined + 1)
    if case .connection(let key) = field {
      person.connections.insert(key)
      let membership = Membership(group: group, connectionID: key.connectionID)
      gateways[key.gateway, default: Gateway()].memberships[membership] = id
    } else {
      person.departure = .zero
    }
    groups[group, default: [:]][id] = person
  }

  /// Takes the number of a gateway's last applied report.
  mutating func restore(gateway: String, sequence: UInt64) {
    gateways[gateway, default: Gateway()].sequence = sequence
  }

  /// Begins the grace of the users without connections anew: how much of it had passed is not persisted,
  /// since clocks of two machines cannot be compared.
  mutating func finishRestoring(now: Duration) -> [PresenceChange] {
    clock.advance(to: now)
    var changes: [PresenceChange] = []
    for (group, people) in groups {
      for (id, var person) in people where person.departure != nil {
        if person.connections.isEmpty {
          depart(&person, in: group, after: grace, &changes)
        } else {
          // The list of changes was cut between the return and the end of the departure.
          person.departure = nil
          changes.append(.erase(group: group, field: .departing(userID: id), announcing: nil))
        }
        groups[group]?[id] = person
      }
    }
    return changes
  }

  /// Takes the users of `previous`, whose persisted form was lost, as about to leave: they were announced,
  /// so that their return must not be, and their absence must.
  ///
  /// - Parameter allowance: for their gateways to report them, in addition to the grace.
  mutating func adopt(
    _ previous: PresenceState, allowance: Duration, now: Duration
  ) -> [PresenceChange] {
    clock.advance(to: now)
    nextJoined = max(nextJoined, previous.nextJoined)
    var changes: [PresenceChange] = []
    for (group, people) in previous.groups {
      for (id, var person) in people where groups[group]?[id] == nil {
        person.connections = []
        depart(&person, in: group, after: grace + allowance, &changes)
        groups[group, default: [:]][id] = person
      }
    }
    return changes
  }
}

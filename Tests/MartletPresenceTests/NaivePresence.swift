import MartletCore

@testable import MartletPresence

/// What presence of one shard should be, written to be obviously right: everything is recomputed by scanning.
struct NaivePresence {
  /// Where somebody may be: in a group, or at home.
  enum Place: Hashable {
    case group(GroupName)
    case home
  }

  struct Person: Hashable {
    var place: Place
    var userID: String
  }

  /// Since when somebody has no connection, and how long that is allowed.
  struct Absence: Equatable {
    var since: Duration
    var grace: Duration
  }

  let map: ShardMap
  let shard: Int
  let rules: PresenceRules
  private(set) var connections: [MembershipKey: PresenceSession] = [:]
  private var sequences: [String: UInt64] = [:]
  private var draining: Set<String> = []
  /// Who is there; nil: connected.
  private(set) var people: [Person: Absence?] = [:]
  /// Time as it counts: forwards only, at most a second at once.
  private var time = Duration.zero
  private var last: Duration?

  init(map: ShardMap, shard: Int, rules: PresenceRules) {
    self.map = map
    self.shard = shard
    self.rules = rules
  }

  mutating func advance(to now: Duration) {
    if let last, now > last { time += min(now - last, .seconds(1)) }
    last = now
  }

  /// Lets those leave whose grace is over.
  mutating func look(_ now: Duration) {
    advance(to: now)
    let gone = people.filter { $0.value.map { $0.since + $0.grace <= time } ?? false }.keys
    for person in gone { people[person] = nil }
  }

  func count(_ person: Person) -> Int {
    connections.count { people(behind: $0.key, $0.value).contains(person) }
  }

  mutating func apply(_ report: PresenceReport) {
    guard report.sequence > sequences[report.gateway] ?? 0 else { return }
    sequences[report.gateway] = report.sequence
    switch report.body {
    case .operations(let operations):
      for operation in operations {
        switch operation {
        case .join(let session): set(session, report.gateway)
        case .leave(let membership):
          connections[MembershipKey(gateway: report.gateway, membership: membership)] = nil
        case .seen: break
        }
        update(report.gateway)
      }
    case .snapshot(let sessions):
      connections = connections.filter { $0.key.gateway != report.gateway }
      for session in sessions { set(session, report.gateway) }
      update(report.gateway)
    case .drain:
      draining.insert(report.gateway)
    case .goodbye:
      remove(report.gateway)
    }
  }

  mutating func remove(_ gateway: String) {
    sequences[gateway] = nil
    connections = connections.filter { $0.key.gateway != gateway }
    update(gateway)
    draining.remove(gateway)
  }

  /// A loaded state does not know how much of a grace has passed.
  mutating func reload() {
    for (person, absence) in people {
      if let absence {
        people.updateValue(Absence(since: time, grace: absence.grace), forKey: person)
      }
    }
  }

  /// Somebody who has left is still there.
  mutating func linger(_ person: Person, grace: Duration) {
    if people[person] == nil { people[person] = Absence(since: time, grace: grace) }
  }

  private mutating func set(_ session: PresenceSession, _ gateway: String) {
    connections[MembershipKey(gateway: gateway, membership: Membership(session))] = session
  }

  private func people(behind key: MembershipKey, _ session: PresenceSession) -> [Person] {
    var people: [Person] = []
    if map.shard(of: session.group) == shard {
      people.append(Person(place: .group(session.group), userID: session.user.id))
    }
    if let home = session.home, map.home(of: home.key) == shard {
      people.append(Person(place: .home, userID: session.user.id))
    }
    return people
  }

  /// - Parameter gateway: what it said has brought the difference.
  private mutating func update(_ gateway: String) {
    var present: Set<Person> = []
    for (key, session) in connections { present.formUnion(people(behind: key, session)) }
    let grace = draining.contains(gateway) ? max(rules.grace, rules.drainGrace) : rules.grace
    for person in present { people.updateValue(nil, forKey: person) }
    for (person, absence) in people where absence == nil && !present.contains(person) {
      people.updateValue(Absence(since: time, grace: grace), forKey: person)
    }
  }
}

import MartletCore

@testable import MartletPresence

/// What presence should be, written to be obviously right: everything is recomputed by scanning.
struct NaivePresence {
  struct Connection: Hashable {
    var gateway: String
    var session: GroupAndConnection
  }

  struct GroupAndConnection: Hashable {
    var group: GroupName
    var connectionID: String
  }

  struct Person: Hashable {
    var group: GroupName
    var userID: String
  }

  let grace: Duration
  var connections: [Connection: String] = [:]
  var sequences: [String: UInt64] = [:]
  /// Who is announced, and since when without a connection; nil: connected.
  var people: [Person: Duration?] = [:]
  /// Time as it counts: forwards only, at most a second at once.
  var time = Duration.zero
  private var last: Duration?

  init(grace: Duration) {
    self.grace = grace
  }

  mutating func look(_ now: Duration) {
    if let last, now > last { time += min(now - last, .seconds(1)) }
    last = now
  }

  func count(_ person: Person) -> Int {
    connections.count { $0.key.session.group == person.group && $0.value == person.userID }
  }

  /// Answers the joins that must be announced.
  mutating func apply(_ report: PresenceReport) -> Set<Person> {
    guard report.sequence > sequences[report.gateway] ?? 0 else { return [] }
    sequences[report.gateway] = report.sequence
    switch report.body {
    case .operations(let operations):
      var joined: Set<Person> = []
      for operation in operations {
        switch operation {
        case .join(let session): set(session, report.gateway)
        case .leave(let group, let connectionID):
          let key = GroupAndConnection(group: group, connectionID: connectionID)
          connections[Connection(gateway: report.gateway, session: key)] = nil
        }
        joined.formUnion(update())
      }
      return joined
    case .snapshot(let sessions):
      connections = connections.filter { $0.key.gateway != report.gateway }
      for session in sessions { set(session, report.gateway) }
    case .goodbye:
      return remove(report.gateway)
    }
    return update()
  }

  mutating func remove(_ gateway: String) -> Set<Person> {
    sequences[gateway] = nil
    connections = connections.filter { $0.key.gateway != gateway }
    return update()
  }

  /// Answers the leaves that must be announced.
  mutating func tick() -> Set<Person> {
    let gone = people.filter { person in person.value.map { $0 + grace <= time } ?? false }.keys
    for person in gone { people[person] = nil }
    return Set(gone)
  }

  /// A loaded state does not know how much of a grace has passed.
  mutating func reload() {
    for (person, since) in people where since != nil {
      people.updateValue(time, forKey: person)
    }
  }

  private mutating func set(_ session: PresenceSession, _ gateway: String) {
    let key = GroupAndConnection(group: session.group, connectionID: session.connectionID)
    connections[Connection(gateway: gateway, session: key)] = session.user.id
  }

  private mutating func update() -> Set<Person> {
    var present: Set<Person> = []
    for (connection, userID) in connections {
      present.insert(Person(group: connection.session.group, userID: userID))
    }
    let joined = present.filter { people[$0] == nil }
    for person in present { people.updateValue(nil, forKey: person) }
    for (person, since) in people where since == nil && !present.contains(person) {
      people.updateValue(time, forKey: person)
    }
    return joined
  }
}

internal import MartletCore

/// The users of one group, and what the group knows of them.
///
/// A value without clock: ``GroupRosters`` says when things happen.
struct Roster: Sendable {
  /// Somebody without connections. An object of its own, since hardly anybody is: it would make each person larger.
  final class Leaving: Sendable {
    /// When the grace ends, in time of the clock.
    let end: Duration
    /// What the connections showed. Nobody is told that the user is gone before it has left.
    let metas: [String]
    /// The grace is over; the group is to be told.
    let isOver: Bool

    init(end: Duration, metas: [String], isOver: Bool = false) {
      self.end = end
      self.metas = metas
      self.isOver = isOver
    }
  }

  /// A user's connection to the group.
  struct Connection: Comparable, Sendable {
    var key: ConnectionKey
    /// Milliseconds since 1970.
    var joined: Int64
    var meta: String

    /// An order that does not depend on who asks, since what is shown depends on it.
    static func < (left: Connection, right: Connection) -> Bool {
      (left.joined, left.key.connectionID, left.key.gateway)
        < (right.joined, right.key.connectionID, right.key.gateway)
    }
  }

  struct Person: Sendable {
    var user: User
    /// Milliseconds since 1970.
    var since: Int64
    /// Those that joined first come first.
    private(set) var connections: [Connection] = []
    /// Nil while there are connections.
    var leaving: Leaving?
    /// Hash of the profile that the group was told; nil: the group does not know the user.
    var told: Int?

    /// When the connection joined; nil if nothing has changed.
    fileprivate mutating func join(
      _ key: ConnectionKey, _ session: PresenceSession, isNew: Bool, wallClock: Int64
    ) -> Int64? {
      if isNew {
        add(Connection(key: key, joined: wallClock, meta: session.meta))
        user = session.user
        return wallClock
      }
      guard let joined = setMeta(session.meta, of: key) else { return nil }
      user = session.user
      return joined
    }

    mutating func add(_ connection: Connection) {
      // Almost always the last one.
      let index = connections.lastIndex { $0 < connection }.map { $0 + 1 } ?? 0
      connections.insert(connection, at: index)
      leaving = nil
    }

    mutating func remove(_ key: ConnectionKey) -> Bool {
      guard let index = connections.firstIndex(where: { $0.key == key }) else { return false }
      let metas = profile.metas
      connections.remove(at: index)
      if connections.isEmpty { leaving = Leaving(end: .zero, metas: metas) }
      return true
    }

    mutating func removeConnections() {
      let metas = profile.metas
      connections = []
      leaving = Leaving(end: .zero, metas: metas)
    }

    /// When the grace ends, in time of the clock; nil while there are connections.
    var departure: Duration? { leaving?.end }

    /// The grace is over; the group is to be told.
    var hasLeft: Bool { leaving?.isOver ?? false }

    /// When the connection joined; nil if it is unknown, or has this meta already.
    private mutating func setMeta(_ meta: String, of key: ConnectionKey) -> Int64? {
      guard let index = connections.lastIndex(where: { $0.key == key }),
        connections[index].meta != meta
      else { return nil }
      connections[index].meta = meta
      return connections[index].joined
    }

    var profile: MemberProfile {
      var metas = leaving?.metas ?? []
      for connection in connections.suffix(MemberProfile.maximumMetas)
      where connection.meta != "{}" && !metas.contains(connection.meta) {
        metas.append(connection.meta)
      }
      return MemberProfile(user: user, joinedAt: since, metas: metas)
    }
  }

  /// By id.
  var people: PackedDictionary<String, Person> = [:]
  /// Whether the group is told numbers only.
  var isCounting = false
  /// The users of whom the group may have to be told something.
  private(set) var debts: [String: DiffDebt.Kind] = [:]
  /// Whether the group has to be told its count.
  var owesCount = false
  /// The count that the group was told last.
  var toldCount: Int?
  /// Before this time of the clock the group is told nothing more.
  var quietUntil = Duration.zero
  /// Whether the group has a deadline for being told.
  var isScheduled = false

  var isIdle: Bool { debts.isEmpty && !owesCount }

  /// What became of a connection that joined, or has another meta.
  struct Arrival {
    /// Its user, as it is now.
    var person: Person
    /// When the connection joined, milliseconds since 1970.
    var joined: Int64
    /// Whether the user was no member.
    var isFirst: Bool
    /// Whether the user was about to leave.
    var isBack: Bool
  }

  /// A connection joins, or has another meta; nil if nothing has changed.
  ///
  /// - Parameter isNew: whether it is unknown.
  mutating func join(
    _ key: ConnectionKey, _ session: PresenceSession, isNew: Bool, wallClock: Int64
  ) -> Arrival? {
    let id = session.user.id
    let (isFirst, isBack) = (people[id] == nil, people[id]?.leaving != nil)
    let joined = people[id, default: Person(user: session.user, since: wallClock)]
      .join(key, session, isNew: isNew, wallClock: wallClock)
    guard let joined, let person = people[id] else { return nil }
    return Arrival(person: person, joined: joined, isFirst: isFirst, isBack: isBack)
  }

  mutating func owe(_ kind: DiffDebt.Kind, of userID: String) { debts[userID] = kind }

  /// The group has been told of the user, or need not be. What it was to be told.
  mutating func settle(_ userID: String) -> DiffDebt.Kind? {
    let kind = debts.removeValue(forKey: userID)
    // One that was emptied would keep its room, in every group.
    if debts.isEmpty { debts = [:] }
    return kind
  }
}

/// A connection of one life of a gateway.
struct ConnectionKey: Hashable, Sendable {
  var gateway: String
  var connectionID: String
}

internal import MartletCore

/// What a gateway tells about its connections in one shard: those in the shard's groups, and those of users whose home it is.
struct PresenceReport: Equatable, Sendable {
  /// One life of one gateway process; without white space.
  var gateway: String
  /// 1, 2, 3, … in each shard and life. A number that was already seen is a repetition.
  var sequence: UInt64
  var body: Body

  enum Body: Equatable, Sendable {
    /// What changed since the previous report, in order.
    case operations([Operation])
    /// Everything that the gateway has in the shard; what is not listed is gone.
    case snapshot([PresenceSession])
    /// The gateway begins to close its connections, so that their users may go elsewhere.
    case drain
    /// The gateway stops, and its connections are gone.
    case goodbye
  }

  enum Operation: Equatable, Sendable {
    /// Also of a membership that is known, with another meta.
    case join(PresenceSession)
    case leave(Membership)
    /// The connection was active so many milliseconds before the report.
    case seen(Membership, age: Int64)
  }
}

/// A connection in a group, within one gateway.
struct Membership: Hashable, Sendable {
  var group: GroupName
  var connectionID: String

  init(group: GroupName, connectionID: String) {
    self.group = group
    self.connectionID = connectionID
  }

  init(_ session: PresenceSession) {
    self.init(group: session.group, connectionID: session.connectionID)
  }

  /// Where the user of the connection is known across groups; nil for an anonymous one.
  func home(ofUser id: String) -> UserKey? {
    User.isAnonymous(id) ? nil : UserKey(tenant: group.tenant, id: id)
  }
}

/// A membership of one life of a gateway.
struct MembershipKey: Hashable, Sendable {
  var gateway: String
  var membership: Membership
}

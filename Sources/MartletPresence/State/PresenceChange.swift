internal import MartletCore

/// Changes that are persisted and announced together or not at all.
///
/// A list of steps may be cut between any two: a state that is loaded after the first part and given the
/// same input again arrives at the same end, and nothing is announced twice.
typealias PresenceStep = [PresenceChange]

/// One thing that ``PresenceState`` wants persisted or announced.
enum PresenceChange: Equatable, Sendable {
  // Rosters: truth.
  case connected(MembershipKey, RosterEntry)
  case disconnected(MembershipKey)
  /// The user has no connection, and leaves unless one comes. Until then it is shown as it was.
  case departing(GroupName, MemberProfile, afterDrain: Bool)
  case returned(GroupName, userID: String)
  /// The group has not been told yet.
  case owed(GroupName, DiffDebt)
  case settled(GroupName, DiffDebt)
  /// Whether the group is told numbers only.
  case counting(GroupName, Bool)

  // Rosters: what is read by others.
  case listed(GroupName, MemberProfile, connections: Int)
  case unlisted(GroupName, userID: String)
  /// At this time, milliseconds since 1970, or later.
  case seen(GroupName, userID: String, Int64)

  // Homes: truth.
  case opened(MembershipKey, HomeEntry, place: HomePlace)
  case closed(MembershipKey, UserKey)
  case parting(HomeUser, sessionStart: Int64, afterDrain: Bool)
  case reopened(UserKey)
  /// Nil: available as long as the user is here.
  case status(UserKey, HomeStatus?)
  /// The shard of a group does not know of a status yet.
  case noticed(StatusNotice)
  case delivered(StatusNotice.Key)

  // Homes: what is read by others.
  /// The user's first connection.
  case arrived(UserKey, sessionStart: Int64)
  /// The user's last connection is gone for good.
  case gone(UserKey)
  case userSeen(UserKey, Int64)
  /// Users who were last seen before this time, milliseconds since 1970, are forgotten.
  case forgotSeen(before: Int64)

  // Gateways.
  /// Reports of `gateway` up to `sequence` are applied.
  case advanced(gateway: String, sequence: UInt64, isDraining: Bool)
  /// The gateway is gone, and so is its registration.
  case forgotten(gateway: String)
  /// Reports of the gateway are missing: it must report everything it has.
  case requestedSnapshot(gateway: String)

  /// After `joined` the group is also told the user's status, if the group's shard knows of one.
  case announced(PresenceDiff)
}

/// A user's connection in a group.
struct RosterEntry: Equatable, Sendable {
  var user: User
  /// When the user joined, milliseconds since 1970.
  var since: Int64
  /// When this connection joined; smaller for those that are older.
  var joined: Int64
  var meta: String
}

/// What a group has not been told yet.
struct DiffDebt: Hashable, Sendable {
  enum Kind: String, Sendable {
    case joined = "j"
    case updated = "u"
    /// Is not persisted: the user's departure is.
    case left = "l"
    case count = "c"
  }

  var kind: Kind
  /// Empty for the count.
  var userID: String
}

/// A user's connection in any group.
struct HomeEntry: Equatable, Sendable {
  var user: HomeUser
  /// When the first of the present connections was made, milliseconds since 1970.
  var sessionStart: Int64
  /// When this connection joined.
  var joined: Int64
}

/// What backends get to see of a connection in a group.
struct HomePlace: Equatable, Sendable {
  var session: PresenceSession
  /// Milliseconds since 1970.
  var joined: Int64

  var json: String {
    let id = JSONText.quoted(session.connectionID)
    return
      #"{"group":"\#(session.group.name)","connection_id":\#(id),"joined_at":\#(joined),"meta":\#(session.meta)"#
      + (session.origin == "{}"
        ? "" : "," + String(Substring(session.origin.utf8.dropFirst().dropLast()))) + "}"
  }
}

/// A status that differs from the default.
struct HomeStatus: Equatable, Sendable {
  /// What others see.
  var shown: UserStatus
  /// What the user wants others to see while here.
  var chosen: UserStatus
  /// Since when the user is not here, milliseconds since 1970; nil while here.
  var offlineSince: Int64?
}

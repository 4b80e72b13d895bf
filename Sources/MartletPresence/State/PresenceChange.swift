internal import MartletCore

/// One step of ``PresenceState`` to be persisted, together with what the group's members are told of it.
///
/// A list of changes may be cut anywhere: a state that is loaded after the first part and given the
/// same input again arrives at the same end, and nothing is announced twice.
enum PresenceChange: Equatable, Sendable {
  /// Set a field of the group.
  case store(group: GroupName, field: MemberField, value: MemberValue, announcing: PresenceDiff?)
  /// Remove a field of the group; a group without fields is gone.
  case erase(group: GroupName, field: MemberField, announcing: PresenceDiff?)
  /// Reports of `gateway` up to `sequence` are applied.
  case advance(gateway: String, sequence: UInt64)
  /// The gateway is gone, and so is its registration.
  case forget(gateway: String)
  /// Reports of the gateway are missing: it must report everything it has.
  case requestSnapshot(gateway: String)

  var announcement: PresenceDiff? {
    switch self {
    case .store(_, _, _, let diff), .erase(_, _, let diff): diff
    case .advance, .forget, .requestSnapshot: nil
    }
  }
}

/// What the members of a group are told.
struct PresenceDiff: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    case joined
    case left
  }

  var kind: Kind
  var group: GroupName
  var user: User
}

/// A connection of one life of a gateway.
struct ConnectionKey: Hashable, Sendable {
  var gateway: String
  var connectionID: String
}

/// What a group's record consists of.
enum MemberField: Hashable, Sendable {
  /// A connection that is there.
  case connection(ConnectionKey)
  /// A user without connections whose grace is running. Counts only if no connection of the user is stored.
  case departing(userID: String)
}

/// The user behind a ``MemberField``.
struct MemberValue: Equatable, Sendable {
  var user: User
  /// Smaller for those who joined the shard's groups earlier.
  var joined: Int64
}

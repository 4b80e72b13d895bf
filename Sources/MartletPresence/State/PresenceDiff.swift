internal import MartletCore
internal import MartletProtocol
internal import NIOCore

/// What the members of a group are told.
struct PresenceDiff: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    /// With the number of users then.
    case joined(MemberProfile, count: Int)
    case left(User, count: Int)
    case updated(MemberProfile)
    case status(User, UserStatus)
    /// How many there are. From now on the group is told names (`isListed`), or numbers only.
    case counted(Int, isListed: Bool)
  }

  var group: GroupName
  var kind: Kind
}

extension PresenceDiff {
  /// The event that the group receives.
  var event: ByteBuffer {
    switch kind {
    case .joined(let profile, let count):
      ByteBuffer(
        string: PresenceEvent.userJoined(
          profile.user, joinedAt: profile.joinedAt, metas: profile.metas, count: count))
    case .left(let user, let count):
      ByteBuffer(string: PresenceEvent.userLeft(user, count: count))
    case .updated(let profile):
      ByteBuffer(string: PresenceEvent.updated(profile.user, metas: profile.metas))
    case .status(let user, let status):
      ByteBuffer(string: PresenceEvent.updated(user, status: status))
    case .counted(let count, let isListed):
      ByteBuffer(string: PresenceEvent.state(count: count, isListed: isListed))
    }
  }
}

import MartletCore
import Testing

@testable import MartletPresence

/// A member of a group who knows nothing but what the group is told.
struct GroupViewer {
  struct Member: Equatable {
    var metas: Set<String> = []
    var status = UserStatus.available
  }

  private(set) var members: [String: Member] = [:]
  private(set) var isListed = true
  private(set) var count = 0

  /// Takes an event, which must make sense.
  ///
  /// - Parameter list: what is answered who asks for it.
  mutating func received(_ kind: PresenceDiff.Kind, list: [String: Member]) throws {
    switch kind {
    case .joined(let profile, _):
      try #require(isListed && members[profile.user.id] == nil, "joined twice")
      members[profile.user.id] = Member(metas: Set(profile.metas))
    case .left(let user, _):
      try #require(isListed && members.removeValue(forKey: user.id) != nil, "left unseen")
    case .updated(let profile):
      try #require(isListed && members[profile.user.id] != nil, "updated unseen")
      members[profile.user.id]?.metas = Set(profile.metas)
    case .status(let user, let status):
      try #require(isListed && members[user.id] != nil, "status unseen")
      members[user.id]?.status = status
    case .counted(let count, isListed: false):
      isListed = false
      members = [:]
      self.count = count
    case .counted(_, isListed: true):
      try #require(!isListed, "listed twice")
      isListed = true
      members = list
    }
  }
}

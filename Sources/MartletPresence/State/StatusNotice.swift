internal import MartletCore

/// A user's status on its way from the user's home to a group in another shard.
struct StatusNotice: Equatable, Sendable {
  /// A later status of the user replaces an earlier one.
  struct Key: Hashable, Sendable {
    var group: GroupName
    var user: UserKey
  }

  var key: Key
  var user: User
  var status: UserStatus

  var diff: PresenceDiff {
    PresenceDiff(group: key.group, kind: .status(user, status))
  }
}

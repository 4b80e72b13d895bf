internal import MartletCore

/// A user's status on its way from the user's home to a group where the user is, perhaps in another shard.
struct StatusNotice: Equatable, Sendable {
  /// A later status of the user replaces an earlier one.
  struct Key: Hashable, Sendable {
    var group: GroupName
    var user: UserKey
  }

  var key: Key
  var user: User
  /// Nil: the user is not in the group any more, whose shard need not remember the status.
  var status: UserStatus?
}

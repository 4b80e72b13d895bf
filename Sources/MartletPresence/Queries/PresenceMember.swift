package import MartletCore

/// A user who is in a group.
package struct PresenceMember: Equatable, Sendable {
  package var userID: String
  /// ``MemberProfile/json``
  package var profile: String
  /// How many connections the user has to the group; 0 within the grace.
  package var connections: Int
  /// Milliseconds since 1970: the latest of joining, sending something, leaving.
  package var lastSeen: Int64
  package var status: UserStatus

  package init(
    userID: String, profile: String, connections: Int, lastSeen: Int64, status: UserStatus
  ) {
    self.userID = userID
    self.profile = profile
    self.connections = connections
    self.lastSeen = lastSeen
    self.status = status
  }

  /// The profile with what may change without the members being told.
  ///
  /// - Parameter activeSince: in milliseconds since 1970; who was seen later is active.
  package func json(activeSince: Int64) -> String {
    profile.dropLast()
      + #","connections":\#(connections),"last_seen":\#(lastSeen),"is_active":\#(lastSeen >= activeSince),"#
      + #""status":"\#(status.rawValue)"}"#
  }
}

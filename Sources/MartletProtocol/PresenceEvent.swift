package import MartletCore

/// What groups are told of their members: events, to which the group is spliced (docs/protocol.md, Presence).
package enum PresenceEvent {
  /// Somebody's first connection to the group.
  ///
  /// - Parameters:
  ///   - joinedAt: milliseconds since 1970.
  ///   - metas: JSON objects.
  package static func userJoined(
    _ user: User, joinedAt: Int64, metas: [String], count: Int
  ) -> String {
    #"{"type":"user_joined","user":\#(user.json),"joined_at":\#(joinedAt),"metas":\#(list(metas)),"count":\#(count)}"#
  }

  /// Somebody's last connection has been gone for the grace.
  package static func userLeft(_ user: User, count: Int) -> String {
    #"{"type":"user_left","user":\#(user.json),"count":\#(count)}"#
  }

  /// Somebody's connections say something else of themselves.
  package static func updated(_ user: User, metas: [String]) -> String {
    #"{"type":"presence_updated","user":\#(user.json),"metas":\#(list(metas))}"#
  }

  package static func updated(_ user: User, status: UserStatus) -> String {
    #"{"type":"presence_updated","user":\#(user.json),"status":"\#(status.rawValue)"}"#
  }

  /// How many members there are; `isListed`: from now on members are named, and their list should be asked for.
  package static func state(count: Int, isListed: Bool) -> String {
    #"{"type":"presence_state","count":\#(count),"listed":\#(isListed)}"#
  }

  private static func list(_ metas: [String]) -> String {
    "[" + metas.joined(separator: ",") + "]"
  }
}

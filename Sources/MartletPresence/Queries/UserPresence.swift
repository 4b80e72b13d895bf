package import MartletCore

/// What is known of a user across all groups.
package struct UserPresence: Equatable, Sendable {
  /// A connection in a group.
  package struct Place: Equatable, Sendable {
    package var connectionID: String
    /// Milliseconds since 1970.
    package var joined: Int64
    /// `{"group":…,"connection_id":…,"joined_at":…,"meta":{…},…}`
    package var json: String

    package init(connectionID: String, joined: Int64, json: String) {
      self.connectionID = connectionID
      self.joined = joined
      self.json = json
    }
  }

  package var key: UserKey
  package var status: UserStatus
  /// Milliseconds since 1970; nil for somebody who was never seen, or is forgotten.
  package var lastSeen: Int64?
  /// When the first of the present connections was made, milliseconds since 1970; nil for somebody who is not here.
  package var sessionStart: Int64?
  /// Those that were joined first come first.
  package var places: [Place]

  package init(
    key: UserKey, status: UserStatus, lastSeen: Int64?, sessionStart: Int64?, places: [Place]
  ) {
    self.key = key
    self.status = status
    self.lastSeen = lastSeen
    self.sessionStart = sessionStart
    self.places = places
  }

  /// `{"id":…,"status":…,"is_online":…,"is_active":…,"last_seen":…,"session_start":…,"connections":…,"where":[…]}`
  ///
  /// - Parameters:
  ///   - id: of the user, without its tenant.
  ///   - activeSince: in milliseconds since 1970; who was seen later is active.
  package func json(id: String, activeSince: Int64) -> String {
    // One connection may be in several groups.
    let connections = Set(places.map(\.connectionID)).count
    let isActive = lastSeen.map { $0 >= activeSince } ?? false
    func optional(_ number: Int64?) -> String { number.map(String.init) ?? "null" }
    return #"{"id":\#(JSONText.quoted(id)),"status":"\#(status.rawValue)","#
      + #""is_online":\#(sessionStart != nil),"is_active":\#(isActive),"#
      + #""last_seen":\#(optional(lastSeen)),"session_start":\#(optional(sessionStart)),"#
      + #""connections":\#(connections),"where":[\#(places.map(\.json).joined(separator: ","))]}"#
  }
}

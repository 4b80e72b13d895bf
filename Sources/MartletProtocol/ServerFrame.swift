package import MartletCore

/// What the server says that is not a publication, as JSON text (docs/protocol.md, From the server).
/// Clients do not learn of tenants.
package enum ServerFrame {
  /// The first frame after a join.
  package static func connectionEstablished(
    connectionID: String, user: User, group: GroupName, position: Position, recovered: Bool?,
    members: Members?
  ) -> String {
    #"{"type":"connection_established","connection_id":\#(JSONText.quoted(connectionID))"#
      + #","user":\#(user.json)\#(joined(group, position, recovered, members))}"#
  }

  /// The answer to `subscribe`.
  package static func subscribed(
    _ reference: RequestReference?, group: GroupName, position: Position, recovered: Bool?,
    members: Members?
  ) -> String {
    #"{"type":"subscribed"\#(json(reference))\#(joined(group, position, recovered, members))}"#
  }

  private static func joined(
    _ group: GroupName, _ position: Position, _ recovered: Bool?, _ members: Members?
  ) -> String {
    var text = #","group":"\#(group.name)","position":\#(json(position))"#
    if let recovered { text += #","recovered":\#(recovered)"# }
    if let members {
      text += #","member_count":\#(members.count)"#
      if let list = members.list { text += #","members":[\#(list.joined(separator: ","))]"# }
    }
    return text
  }

  /// The session is not in a further group any more.
  ///
  /// - Parameters:
  ///   - reference: of the client's request; nil if the server decided so.
  ///   - refusal: why the server did.
  package static func unsubscribed(
    _ reference: RequestReference?, group: GroupName, because refusal: Refusal? = nil
  ) -> String {
    let reason = refusal.map {
      #","code":"\#($0.code.rawValue)","message":\#(JSONText.quoted($0.message))"#
    }
    return #"{"type":"unsubscribed"\#(json(reference)),"group":"\#(group.name)"\#(reason ?? "")}"#
  }

  /// The answer to `refresh`; `expires` in seconds since 1970.
  package static func refreshed(_ reference: RequestReference?, expires: Int64) -> String {
    #"{"type":"refreshed"\#(json(reference)),"expires":\#(expires)}"#
  }

  /// The session ends soon unless the client brings another token; `expires` in seconds since 1970.
  package static func tokenExpiring(expires: Int64) -> String {
    #"{"type":"token_expiring","expires":\#(expires)}"#
  }

  /// A group's members: their number and, unless there are too many, JSON objects.
  package struct Members: Equatable, Sendable {
    package var count: Int
    package var list: [String]?

    package init(count: Int, list: [String]?) {
      self.count = count
      self.list = list
    }
  }

  /// The answer to `presence`.
  ///
  /// - Parameter next: where the next page begins, if there is one.
  package static func presence(
    _ reference: RequestReference?, group: GroupName, count: Int, members: [String], next: String?
  ) -> String {
    #"{"type":"presence"\#(json(reference)),"group":"\#(group.name)","count":\#(count),"#
      + #""members":[\#(members.joined(separator: ","))],"#
      + #""next":\#(next.map(JSONText.quoted) ?? "null")}"#
  }

  /// Publications were missed that cannot be replayed.
  package static func resync(group: GroupName, position: Position, reason: ResyncReason) -> String {
    #"{"type":"resync","group":"\#(group.name)","position":\#(json(position)),"reason":"\#(reason.rawValue)"}"#
  }

  /// The answer to `ping`.
  package static func pong(_ reference: RequestReference?) -> String {
    #"{"type":"pong"\#(json(reference))}"#
  }

  /// An event was published; without a position if it was ephemeral, or changed presence.
  package static func ack(
    _ reference: RequestReference, group: GroupName, position: Position?
  ) -> String {
    var text = #"{"type":"ack","ref":\#(reference.json),"group":"\#(group.name)""#
    if let position {
      text += #","epoch":"\#(position.epoch)","offset":\#(position.offset)"#
    }
    return text + "}"
  }

  /// A request was refused; the session stays open.
  package static func error(_ refusal: Refusal, _ reference: RequestReference?) -> String {
    #"{"type":"error","code":"\#(refusal.code.rawValue)","message":"#
      + JSONText.quoted(refusal.message)
      + (refusal.retryAfter.map { #","retry_after":\#($0)"# } ?? "") + json(reference) + "}"
  }

  /// The gateway is about to close; `reconnectAfter` in milliseconds.
  package static func draining(reconnectAfter: Int64) -> String {
    #"{"type":"draining","reconnect_after":\#(reconnectAfter)}"#
  }

  /// The stream of events ends; WebSockets have a close frame for that.
  package static func closing(_ reason: CloseReason) -> String {
    #"{"type":"closing","code":\#(reason.code),"reason":"\#(reason.label)","reconnect":\#(reason.shouldReconnect)}"#
  }

  /// `{"epoch":…,"offset":…}`
  package static func json(_ position: Position) -> String {
    #"{"epoch":"\#(position.epoch)","offset":\#(position.offset)}"#
  }

  private static func json(_ reference: RequestReference?) -> String {
    reference.map { #","ref":\#($0.json)"# } ?? ""
  }
}

/// Why a member must load its state anew.
package enum ResyncReason: String, CaseIterable, Sendable {
  /// The group's history began again: Redis came back empty, or the group had been forgotten.
  case epochChanged = "epoch_changed"
  /// Publications are missing that the history no longer has.
  case gap
}

package import MartletCore

/// What the server says that is not a publication, as JSON text (docs/protocol.md, From the server).
/// Clients do not learn of tenants.
package enum ServerFrame {
  /// The first frame after a join.
  package static func connectionEstablished(
    connectionID: String, user: User, group: GroupName, position: Position, recovered: Bool?,
    members: Members?
  ) -> String {
    var text = #"{"type":"connection_established","connection_id":"#
    text += JSONText.quoted(connectionID)
    text += #","user":\#(user.json),"group":"\#(group.name)","position":\#(json(position))"#
    if let recovered { text += #","recovered":\#(recovered)"# }
    if let members {
      text += #","member_count":\#(members.count)"#
      if let list = members.list { text += #","members":[\#(list.joined(separator: ","))]"# }
    }
    return text + "}"
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
      + JSONText.quoted(refusal.message) + json(reference) + "}"
  }

  /// The gateway is about to close; `reconnectAfter` in milliseconds.
  package static func draining(reconnectAfter: Int64) -> String {
    #"{"type":"draining","reconnect_after":\#(reconnectAfter)}"#
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

package import MartletCore
package import NIOCore

/// A client's question for the members of its group (docs/protocol.md, Presence).
package struct PresenceRequest: Equatable, Sendable {
  package var reference: RequestReference?
  /// Which of the session's groups is meant; nil: that of the connection's path.
  package var group: String?
  /// The most members of the answer; nil: as many as the server likes.
  package var limit: Int?
  /// Where the page begins: what an earlier answer gave as `next`.
  package var after: String?

  init(_ message: ByteBuffer, _ fields: EventFields) throws(RefusedFrame) {
    reference = fields.reference
    group = fields.group
    for member in fields.layout.members {
      switch fields.text(member.key, in: message) {
      case "limit":
        limit = member.kind == .number ? Int(fields.json(member.value, in: message)) : nil
        guard let limit, limit > 0 else {
          throw fields.refused(.malformed, "limit must be a whole number above 0")
        }
      case "after":
        after = member.kind == .string ? fields.text(member.value, in: message) : nil
        guard after != nil else {
          throw fields.refused(.malformed, "after must be the next of an earlier answer")
        }
      case "type", "ref", "group": break
      case let other:
        throw fields.refused(
          .malformed, "unknown field \(JSONText.quoted(other)); there are group, limit, after, ref")
      }
    }
  }
}

/// What a client says of itself: to the members of its group, and, with a status, everywhere.
package struct PresenceUpdate: Equatable, Sendable {
  package var reference: RequestReference?
  /// In which of the session's groups `meta` changes; nil: in that of the connection's path.
  package var group: String?
  package var status: UserStatus?
  /// A JSON object with the fields that change.
  package var meta: ByteBuffer?

  init(_ message: ByteBuffer, _ fields: EventFields) throws(RefusedFrame) {
    reference = fields.reference
    group = fields.group
    for member in fields.layout.members {
      switch fields.text(member.key, in: message) {
      case "status":
        status =
          member.kind == .string
          ? UserStatus(rawValue: fields.text(member.value, in: message)) : nil
        guard status != nil else { throw fields.refused(.malformed, UserStatus.choices) }
      case "meta":
        guard member.kind == .object else {
          throw fields.refused(.malformed, "meta must be an object")
        }
        meta = fields.slice(member.value, of: message)
      case "type", "ref", "group": break
      case let other:
        throw fields.refused(
          .malformed, "unknown field \(JSONText.quoted(other)); there are group, status, meta, ref")
      }
    }
    guard status != nil || meta != nil else {
      throw fields.refused(.malformed, "a presence_update needs status, meta, or both")
    }
  }
}

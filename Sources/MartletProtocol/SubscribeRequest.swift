package import MartletCore
package import NIOCore

/// A client's wish to be in a further group, which its path leads to (docs/protocol.md, Several groups).
package struct SubscribeRequest: Equatable, Sendable {
  package var reference: RequestReference?
  /// As in the URL of a WebSocket, without query.
  package var path: String
  /// Where the client is in the group; nil: it has seen nothing.
  package var since: Position?
  /// What the connection says of itself to the members: a JSON object.
  package var meta: ByteBuffer?

  init(_ message: ByteBuffer, _ fields: EventFields) throws(RefusedFrame) {
    reference = fields.reference
    var path: String?
    for member in fields.layout.members {
      let value = member.value
      switch fields.text(member.key, in: message) {
      case "path":
        path = member.kind == .string ? fields.text(value, in: message) : nil
      case "position":
        guard member.kind == .object else { throw Self.badPosition(fields) }
        since = try Self.position(fields.slice(value, of: message), fields)
      case "presence":
        guard member.kind == .object else {
          throw fields.refused(.malformed, "presence must be an object")
        }
        meta = fields.slice(value, of: message)
      case "type", "ref": break
      case let other:
        throw fields.refused(
          .malformed,
          "unknown field \(JSONText.quoted(other)); there are path, position, presence, ref")
      }
    }
    guard let path, path.hasPrefix("/") else {
      throw fields.refused(.malformed, "a subscribe needs a path such as /ws/rooms/7/")
    }
    self.path = path
  }

  /// `{"epoch":…,"offset":…}`, as the server has given it.
  private static func position(
    _ object: ByteBuffer, _ fields: EventFields
  ) throws(RefusedFrame) -> Position {
    guard let layout = try? JSONScanner.object(in: object.readableBytesUInt8Span) else {
      throw badPosition(fields)
    }
    var epoch: Epoch?
    var offset: UInt64?
    for member in layout.members {
      switch fields.text(member.key, in: object) {
      case "epoch" where member.kind == .string:
        epoch = Epoch(fields.text(member.value, in: object))
      case "offset" where member.kind == .number:
        offset = UInt64(fields.json(member.value, in: object))
      default: throw badPosition(fields)
      }
    }
    guard let epoch, let offset, offset < 1 << 53 else { throw badPosition(fields) }
    return Position(epoch: epoch, offset: offset)
  }

  private static func badPosition(_ fields: EventFields) -> RefusedFrame {
    fields.refused(
      .malformed, #"position must be {"epoch":"…","offset":…} as the server has given it"#)
  }
}

/// A client's wish to leave a further group.
package struct UnsubscribeRequest: Equatable, Sendable {
  package var reference: RequestReference?
  package var group: String

  init(_ message: ByteBuffer, _ fields: EventFields) throws(RefusedFrame) {
    reference = fields.reference
    for member in fields.layout.members {
      let name = fields.text(member.key, in: message)
      guard ["type", "ref", "group"].contains(name) else {
        throw fields.refused(
          .malformed, "unknown field \(JSONText.quoted(name)); there are group, ref")
      }
    }
    guard let group = fields.group else {
      throw fields.refused(.malformed, "an unsubscribe needs a group")
    }
    self.group = group
  }
}

/// A client's new token, before the old one expires.
package struct RefreshRequest: Equatable, Sendable {
  package var reference: RequestReference?
  package var token: String

  init(_ message: ByteBuffer, _ fields: EventFields) throws(RefusedFrame) {
    reference = fields.reference
    var token: String?
    for member in fields.layout.members {
      switch fields.text(member.key, in: message) {
      case "token":
        token = member.kind == .string ? fields.text(member.value, in: message) : nil
      case "type", "ref": break
      case let other:
        throw fields.refused(
          .malformed, "unknown field \(JSONText.quoted(other)); there are token, ref")
      }
    }
    guard let token, !token.isEmpty else {
      throw fields.refused(.malformed, "a refresh needs a token")
    }
    self.token = token
  }
}

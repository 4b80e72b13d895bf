package import MartletCore
package import NIOCore

/// A `ref` as the client wrote it: a JSON string or integer, repeated verbatim in the answer.
package struct RequestReference: Equatable, Sendable {
  /// JSON text.
  package let json: String

  /// The longest string, in bytes without quotes.
  package static let maximumLength = 64
}

/// What a client may send (docs/protocol.md, From the client).
package enum ClientFrame: Equatable, Sendable {
  case ping(RequestReference?)
  case presence(PresenceRequest)
  case presenceUpdate(PresenceUpdate)
  case subscribe(SubscribeRequest)
  case unsubscribe(UnsubscribeRequest)
  case refresh(RefreshRequest)
  case event(ClientEvent)

  /// Reads one text message. Pure; bytes that are not kept are never copied.
  package static func parse(_ message: ByteBuffer) throws(RefusedFrame) -> ClientFrame {
    let fields = try EventFields(message, from: .client)
    switch fields.type {
    case "ping": return .ping(fields.reference)
    case "presence": return .presence(try PresenceRequest(message, fields))
    case "presence_update": return .presenceUpdate(try PresenceUpdate(message, fields))
    case "subscribe": return .subscribe(try SubscribeRequest(message, fields))
    case "unsubscribe": return .unsubscribe(try UnsubscribeRequest(message, fields))
    case "refresh": return .refresh(try RefreshRequest(message, fields))
    default: break
    }
    return .event(
      ClientEvent(
        type: fields.type, reference: fields.reference, idempotencyID: fields.idempotencyID,
        group: fields.group,
        body: EventBody(message, fields.layout, dropping: fields.protocolMembers)))
  }
}

/// An event from a client, before the server has added anything.
package struct ClientEvent: Equatable, Sendable {
  package var type: String
  package var reference: RequestReference?
  package var idempotencyID: String?
  /// Which of the session's groups it is for; nil: that of the connection's path.
  package var group: String?
  package var body: EventBody
}

/// A refused message, with the `ref` that its answer repeats.
package struct RefusedFrame: Error, Equatable {
  package var refusal: Refusal
  package var reference: RequestReference?

  package init(refusal: Refusal, reference: RequestReference?) {
    self.refusal = refusal
    self.reference = reference
  }
}

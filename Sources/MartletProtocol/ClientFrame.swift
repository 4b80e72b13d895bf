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
  case event(ClientEvent)

  /// Reads one text message. Pure; bytes that are not kept are never copied.
  package static func parse(_ message: ByteBuffer) throws(RefusedFrame) -> ClientFrame {
    let fields = try EventFields(message)
    switch fields.type {
    case "ping": return .ping(fields.reference)
    case "presence": return .presence(try PresenceRequest(message, fields))
    case "presence_update": return .presenceUpdate(try PresenceUpdate(message, fields))
    default: break
    }
    return .event(
      ClientEvent(
        type: fields.type, reference: fields.reference, idempotencyID: fields.idempotencyID,
        body: EventBody(message, fields.layout, dropping: fields.protocolMembers)))
  }
}

/// An event from a client, before the server has added anything.
package struct ClientEvent: Equatable, Sendable {
  package var type: String
  package var reference: RequestReference?
  package var idempotencyID: String?
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

/// The top-level fields of an event that the protocol gives a meaning to.
struct EventFields {
  static let reservedFields: Set<String> = ["sender", "group", "epoch", "offset"]
  static let maximumIdempotencyLength = 128

  var layout: JSONScanner.Layout
  var type = ""
  var reference: RequestReference?
  var idempotencyID: String?
  /// Indices of the members that are not passed on.
  var protocolMembers: Set<Int> = []

  init(_ message: ByteBuffer) throws(RefusedFrame) {
    do {
      layout = try JSONScanner.object(in: message.readableBytesUInt8Span)
    } catch {
      throw RefusedFrame(
        refusal: Refusal(.malformed, "\(error.message), at byte \(error.offset)"), reference: nil)
    }
    let bytes = message.readableBytesView
    func text(_ range: Range<Int>) -> String {
      let start = bytes.startIndex
      return JSONText.unquoted(bytes[(start + range.lowerBound)..<(start + range.upperBound)])
    }
    var problem: Refusal?
    var hasType = false
    for (index, member) in layout.members.enumerated() {
      let key = text(member.key)
      switch key {
      case "type":
        if member.kind == .string {
          type = text(member.value)
          hasType = true
        }
      case "ref":
        protocolMembers.insert(index)
        let json = message.getString(
          at: message.readerIndex + member.value.lowerBound, length: member.value.count)
        reference = Self.reference(json ?? "", member.kind)
        if reference == nil {
          problem = Refusal(
            .malformed, "ref must be an integer or a string of at most 64 bytes")
        }
      case "idempotency_id":
        protocolMembers.insert(index)
        idempotencyID = member.kind == .string ? text(member.value) : nil
        if !(1...Self.maximumIdempotencyLength).contains(idempotencyID?.utf8.count ?? 0) {
          problem = Refusal(.malformed, "idempotency_id must be a string of 1 to 128 bytes")
        }
      case _ where Self.reservedFields.contains(key):
        problem = Refusal(.reservedField, "\(key) is added by the server; an event cannot bring it")
      default:
        break
      }
    }
    if let problem { throw RefusedFrame(refusal: problem, reference: reference) }
    guard hasType else {
      throw RefusedFrame(
        refusal: Refusal(.missingType, "a message needs a string field \"type\""),
        reference: reference)
    }
  }

  private static func reference(_ json: String, _ kind: JSONScanner.Kind) -> RequestReference? {
    switch kind {
    case .string where json.utf8.count <= RequestReference.maximumLength + 2:
      RequestReference(json: json)
    case .number where json.utf8.count <= 20 && json.utf8.allSatisfy { $0 != UInt8(ascii: ".") }:
      RequestReference(json: json)
    default: nil
    }
  }
}

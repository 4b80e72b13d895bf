internal import MartletCore
internal import NIOCore

/// The top-level fields of an event that the protocol gives a meaning to.
struct EventFields {
  /// Who has sent the event.
  enum Origin {
    /// May say with `group` which of its groups it means.
    case client
    case backend
  }

  static let reservedFields: Set<String> = ["sender", "group", "epoch", "offset"]
  /// Who reads the first of two and who reads the last would see different events.
  private static let uniqueFields: Set<String> = ["type", "ref", "idempotency_id", "group"]
  static let maximumIdempotencyLength = 128

  var layout: JSONScanner.Layout
  var type = ""
  var reference: RequestReference?
  var idempotencyID: String?
  var group: String?
  /// Indices of the members that are not passed on.
  var protocolMembers: Set<Int> = []

  init(_ message: ByteBuffer, from origin: Origin) throws(RefusedFrame) {
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
    var seen: Set<String> = []
    for (index, member) in layout.members.enumerated() {
      let key = text(member.key)
      if Self.uniqueFields.contains(key), !seen.insert(key).inserted {
        problem = Refusal(.malformed, "\(key) stands twice")
      }
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
      case "group" where origin == .client:
        protocolMembers.insert(index)
        group = member.kind == .string ? text(member.value) : nil
        if group == nil {
          problem = Refusal(.malformed, "group must be one of the session's groups")
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
    case .number
    where json.utf8.count <= 20 && json.utf8.allSatisfy { $0 == 0x2d || $0 >= 0x30 && $0 <= 0x39 }:
      RequestReference(json: json)
    default: nil
    }
  }
}

// MARK: For requests, which have fields of their own

extension EventFields {
  func text(_ range: Range<Int>, in message: ByteBuffer) -> String {
    let bytes = message.readableBytesView
    let start = bytes.startIndex
    return JSONText.unquoted(bytes[(start + range.lowerBound)..<(start + range.upperBound)])
  }

  func json(_ range: Range<Int>, in message: ByteBuffer) -> String {
    message.getString(at: message.readerIndex + range.lowerBound, length: range.count) ?? ""
  }

  func slice(_ range: Range<Int>, of message: ByteBuffer) -> ByteBuffer {
    message.getSlice(at: message.readerIndex + range.lowerBound, length: range.count)
      ?? ByteBuffer()
  }

  func refused(_ code: ErrorCode, _ text: String) -> RefusedFrame {
    RefusedFrame(refusal: Refusal(code, text), reference: reference)
  }
}

package import MartletCore
package import NIOCore

/// The body of `POST /api/publish`.
package struct PublishRequestBody: Equatable, Sendable {
  package var group: GroupName
  /// With `sender` appended if the request names one.
  package var event: EventBody
  package var idempotencyID: String?

  /// Reads the request; every refusal names the field and what is allowed.
  ///
  /// - Parameter tenant: whose group it is; nil in a cluster without tenants.
  package static func parse(
    _ body: ByteBuffer, tenant: TenantName?
  ) throws(Refusal) -> PublishRequestBody {
    let layout: JSONScanner.Layout
    do {
      layout = try JSONScanner.object(in: body.readableBytesUInt8Span)
    } catch {
      throw Refusal(.malformed, "\(error.message), at byte \(error.offset)")
    }
    func slice(_ range: Range<Int>) -> ByteBuffer {
      body.getSlice(at: body.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
    }
    var group: GroupName?
    var event: EventBody?
    var idempotencyID: String?
    var sender: String?
    for member in layout.members {
      let value = slice(member.value)
      switch JSONText.unquoted(slice(member.key).readableBytesView) {
      case "group":
        group =
          member.kind == .string
          ? GroupName(tenant: tenant, name: JSONText.unquoted(value.readableBytesView)) : nil
        guard group != nil else {
          throw Refusal(
            .malformed,
            "group must be a string of 1 to 200 bytes of letters, digits and _ - . : @ ~")
        }
      case "event":
        guard member.kind == .object else { throw Refusal(.malformed, "event must be an object") }
        do {
          event = EventBody(value, try EventFields(value, from: .backend).layout)
        } catch {
          throw Refusal(error.refusal.code, "event: \(error.refusal.message)")
        }
      case "id":
        let text = member.kind == .string ? JSONText.unquoted(value.readableBytesView) : ""
        guard (1...EventFields.maximumIdempotencyLength).contains(text.utf8.count) else {
          throw Refusal(.malformed, "id must be a string of 1 to 128 bytes")
        }
        idempotencyID = text
      case "sender":
        guard member.kind == .object else { throw Refusal(.malformed, "sender must be an object") }
        sender = String(buffer: value)
      case let other:
        throw Refusal(
          .malformed, "unknown field \(JSONText.quoted(other)); there are group, event, id, sender")
      }
    }
    guard let group else { throw Refusal(.malformed, "group is missing") }
    guard var event else { throw Refusal(.malformed, "event is missing") }
    if let sender { event.append("sender", json: sender) }
    return PublishRequestBody(group: group, event: event, idempotencyID: idempotencyID)
  }
}

internal import Foundation
internal import MartletCore
internal import NIOCore

/// The JSON object of a small API request; every refusal names the field and what is allowed.
struct RequestFields {
  private let fields: [String: JSONValue]

  /// - Parameter allowed: the names that the object may have.
  init(_ body: ByteBuffer, allowed: [String]) throws(Refusal) {
    // The scanner bounds the depth, and says where the problem is.
    do {
      _ = try JSONScanner.object(in: body.readableBytesUInt8Span)
    } catch {
      throw Refusal(.malformed, "\(error.message), at byte \(error.offset)")
    }
    guard
      case .object(let fields) = try? JSONDecoder().decode(
        JSONValue.self, from: Data(body.readableBytesView))
    else { throw Refusal(.malformed, "not a JSON object") }
    if let unknown = fields.keys.sorted().first(where: { !allowed.contains($0) }) {
      throw Refusal(
        .malformed,
        "unknown field \(JSONText.quoted(unknown)); there are \(allowed.joined(separator: ", "))")
    }
    self.fields = fields
  }

  func text(_ name: String) throws(Refusal) -> String? {
    switch fields[name] {
    case nil: return nil
    case .string(let text): return text
    default: throw Refusal(.malformed, "\(name) must be a string")
    }
  }

  func boolean(_ name: String) throws(Refusal) -> Bool? {
    switch fields[name] {
    case nil: return nil
    case .bool(let value): return value
    default: throw Refusal(.malformed, "\(name) must be true or false")
    }
  }

  func integer(_ name: String, _ range: ClosedRange<Int>) throws(Refusal) -> Int? {
    switch fields[name] {
    case nil: return nil
    case .number(let value):
      if let number = Int(exactly: value), range.contains(number) { return number }
    default: break
    }
    throw Refusal(
      .malformed, "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
  }

  /// A list of strings that must be there.
  func texts(_ name: String, _ count: ClosedRange<Int>) throws(Refusal) -> [String] {
    if case .array(let values) = fields[name], count.contains(values.count) {
      let texts = values.compactMap { value -> String? in
        if case .string(let text) = value { text } else { nil }
      }
      if texts.count == values.count { return texts }
    }
    throw Refusal(
      .malformed,
      "\(name) must be a list of \(count.lowerBound) to \(count.upperBound) strings")
  }
}

extension GroupName {
  /// A name that a request gives.
  ///
  /// - Parameter tenant: whose group it is; nil in a cluster without tenants.
  init(request text: String, tenant: TenantName?) throws(Refusal) {
    guard let name = GroupName(tenant: tenant, name: text) else {
      throw Refusal(
        .badParameter, "a group is 1 to 200 bytes of letters, digits and _ - . : @ ~")
    }
    self = name
  }
}

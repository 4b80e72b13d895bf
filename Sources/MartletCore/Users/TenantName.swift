/// One of several customers that share a cluster: 1 to 64 bytes of letters, digits and `_ - .`.
///
/// The alphabet leaves out `/`, which ends the tenant in ``GroupName`` and ``UserKey``.
package struct TenantName: Hashable, Sendable, CustomStringConvertible {
  package let rawValue: String

  /// The longest name, in bytes.
  package static let maximumLength = 64
  /// What a name may be, as the end of a sentence.
  package static let rule = "1 to 64 bytes of letters, digits and _ - ."

  /// Between a tenant and what belongs to it; in the alphabet of neither tenants nor groups.
  package static let separator = UInt8(ascii: "/")

  /// Nil unless `rawValue` keeps to the alphabet and length above.
  package init?(_ rawValue: String) {
    let bytes = rawValue.utf8
    guard (1...Self.maximumLength).contains(bytes.count), bytes.allSatisfy(Self.allows) else {
      return nil
    }
    self.rawValue = rawValue
  }

  /// The tenant that a token's claim names: a text, or a whole number.
  ///
  /// Nil for anything else, and for whole numbers that JSON's doubles cannot tell from their neighbours: two
  /// customers would become one.
  package init?(claim: JSONValue?) {
    switch claim {
    case .string(let text):
      self.init(text)
    case .number(let number):
      guard let integer = Int64(exactly: number), abs(number) < Double(1 << 53) else { return nil }
      self.init(String(integer))
    case nil, .null, .bool, .array, .object:
      return nil
    }
  }

  /// Takes a name that came from Redis, where it was checked on its way in.
  package init(trusted rawValue: String) {
    self.rawValue = rawValue
  }

  package var description: String { rawValue }

  private static func allows(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
      UInt8(ascii: "."):
      true
    default: false
    }
  }
}

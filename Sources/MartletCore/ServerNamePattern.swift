/// The names of a listener that clients ask for (RFC 6066 §3): one host, or any that stands one label below a domain.
package struct ServerNamePattern: Hashable, Sendable {
  /// In lower case, without a dot at the end; what follows the asterisk and its dot.
  package let name: String
  package let isWildcard: Bool

  /// What a pattern may be, as the end of a sentence.
  package static let rule =
    "a host name in ASCII such as chat.example, or *.example for any one label"

  /// Nil unless `text` is as ``rule`` says.
  package init?(_ text: String) {
    isWildcard = text.hasPrefix("*.")
    name = Self.normal(isWildcard ? String(text.dropFirst(2)) : text)
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    guard name.utf8.count <= 253, labels.allSatisfy(Self.isLabel) else { return nil }
  }

  /// Names differ neither by case nor by a dot at the end (RFC 4343, RFC 6066 §3).
  package static func normal(_ name: String) -> String {
    let name = name.lowercased()
    return name.hasSuffix(".") ? String(name.dropLast()) : name
  }

  /// Letters, digits, hyphens, and the underscores of private networks.
  private static func isLabel(_ label: Substring) -> Bool {
    (1...63).contains(label.utf8.count)
      && label.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }
}

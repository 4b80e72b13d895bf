/// The address of a group: 1 to 200 bytes of letters, digits and `_ - . : @ ~`.
///
/// The alphabet leaves out what has a meaning elsewhere: spaces (publication records), braces
/// (Redis hash tags), slashes and percent signs (URLs).
package struct GroupName: Hashable, Sendable, CustomStringConvertible {
  /// The name itself.
  package let rawValue: String

  /// The longest name, in bytes.
  package static let maximumLength = 200

  /// Nil unless `rawValue` keeps to the alphabet and length above.
  package init?(_ rawValue: String) {
    let bytes = rawValue.utf8
    guard (1...Self.maximumLength).contains(bytes.count), bytes.allSatisfy(Self.allows) else {
      return nil
    }
    self.rawValue = rawValue
  }

  /// Takes a name that came from a publication record, where it was checked on its way in.
  package init(trusted rawValue: String) {
    self.rawValue = rawValue
  }

  package var description: String { rawValue }

  private static func allows(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
      UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "~"):
      true
    default: false
    }
  }
}

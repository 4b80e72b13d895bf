/// Which bytes the texts of a scenario may have.
enum PlainText {
  /// Visible ASCII without quotation marks and backslashes: stands in JSON and in a header as it is.
  static func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy { isVisible($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
  }

  /// A path with its query, as it stands in a request (RFC 9112 §3.2.1).
  static func isPath(_ text: String) -> Bool {
    text.hasPrefix("/") && text.utf8.allSatisfy { isVisible($0) && $0 != UInt8(ascii: "#") }
  }

  private static func isVisible(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) }
}

import Foundation

enum Base64URL {
  /// What an unpadded text in base64url (RFC 4648 §5) says.
  static func text(_ text: String) -> String? {
    var text = text.replacing("-", with: "+").replacing("_", with: "/")
    text += String(repeating: "=", count: (4 - text.count % 4) % 4)
    return Data(base64Encoded: text).map { String(decoding: $0, as: UTF8.self) }
  }
}

import Crypto
import Foundation

/// Tokens (RFC 7519) byte by byte, good and bad.
enum RawToken {
  static let header = #"{"alg":"HS256","typ":"JWT"}"#
  static let soon = Int(Date().timeIntervalSince1970) + 3_600

  /// With HMAC-SHA256, whatever `header` says.
  static func signed(
    header: String = header, payload: some Collection<UInt8>, key: some Collection<UInt8>
  ) -> String {
    let text = encode(header.utf8) + "." + encode(payload)
    let code = HMAC<SHA256>.authenticationCode(
      for: Data(text.utf8), using: SymmetricKey(data: Data(key)))
    return text + "." + encode(code)
  }

  /// By the gateway's own key.
  static func signed(header: String = header, _ payload: String) -> String {
    signed(header: header, payload: payload.utf8, key: Setting.secret.utf8)
  }

  /// With an hour to live.
  ///
  /// - Parameter claims: members of a JSON object.
  static func valid(_ claims: String) -> String {
    signed("{\(claims),\"exp\":\(soon)}")
  }

  static func encode(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
      .replacing("=", with: "")
  }
}

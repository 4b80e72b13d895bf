internal import MartletCore

/// A token in its three parts (JWS compact serialization, RFC 7515 §7.1), not verified.
struct SignedToken {
  /// What the token says that it is signed with.
  var algorithm: String
  var keyID: String?
  /// What the signature is of (RFC 7515 §5.2).
  var signedBytes: ArraySlice<UInt8>
  var signature: [UInt8]
  /// The payload, not decoded.
  private var payload: ArraySlice<UInt8>

  /// In bytes; a key id is only compared, never taken as a path, an address or a query.
  private static let maximumKeyIDLength = 256

  /// - Parameter maximumLength: in bytes.
  init(_ token: String, maximumLength: Int) throws(TokenError) {
    guard token.utf8.count <= maximumLength else { throw .malformed }
    let bytes = Array(token.utf8)
    let parts = bytes.split(
      separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 3, let headerBytes = Base64URL.decode(parts[0]),
      let signature = Base64URL.decode(parts[2]),
      let header = try? JSONValueReader.object(headerBytes)
    else { throw .malformed }
    // Extensions that must be understood, of which we know none (RFC 7515 §4.1.11).
    guard header["crit"] == nil, case .string(let algorithm)? = header["alg"] else {
      throw .malformed
    }
    switch header["kid"] {
    case nil: keyID = nil
    case .string(let text) where text.utf8.count <= Self.maximumKeyIDLength: keyID = text
    default: throw .malformed
    }
    self.algorithm = algorithm
    self.signature = signature
    signedBytes = bytes[..<parts[1].endIndex]
    payload = parts[1]
  }

  /// The payload. Ask for it only when the signature is good.
  func claims() throws(TokenError) -> (members: [String: JSONValue], text: String) {
    guard let bytes = Base64URL.decode(payload), let members = try? JSONValueReader.object(bytes)
    else { throw .malformed }
    return (members, JSONText.minified(bytes))
  }
}

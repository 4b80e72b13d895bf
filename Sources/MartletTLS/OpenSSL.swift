internal import COpenSSL

/// The library behind this module.
package enum OpenSSL {
  /// The version of the library that this program runs with.
  package static var version: String {
    unsafe String(cString: OpenSSL_version(OPENSSL_VERSION_STRING))
  }

  /// The SHA-1 digest of `bytes`, for the WebSocket handshake, which does not rely on its strength.
  package static func sha1(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 20)
    var length = 0
    let status = unsafe EVP_Q_digest(nil, "SHA1", nil, bytes, bytes.count, &digest, &length)
    precondition(status == 1 && length == digest.count, "OpenSSL has no SHA-1")
    return digest
  }

  /// The SHA-256 digest of `bytes`.
  package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var length = 0
    let status = unsafe EVP_Q_digest(nil, "SHA256", nil, bytes, bytes.count, &digest, &length)
    precondition(status == 1 && length == digest.count, "OpenSSL has no SHA-256")
    return digest
  }

  /// Bytes that nobody can guess.
  static func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let status = unsafe RAND_bytes(&bytes, Int32(count))
    precondition(status == 1, "OpenSSL has no randomness")
    return bytes
  }

  /// Whether two secrets are the same, in a time that depends on their length only.
  package static func constantTimeEqual(_ left: String, _ right: String) -> Bool {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    guard left.count == right.count else { return false }
    return unsafe left.withUnsafeBytes { leftBytes in
      unsafe right.withUnsafeBytes { rightBytes in
        unsafe CRYPTO_memcmp(leftBytes.baseAddress, rightBytes.baseAddress, leftBytes.count) == 0
      }
    }
  }
}

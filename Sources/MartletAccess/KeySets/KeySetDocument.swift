internal import MartletConfiguration
internal import MartletCore

/// A JSON Web Key Set (RFC 7517 §5) as an endpoint publishes it, and the keys in it that may verify tokens.
struct KeySetDocument {
  /// The most bytes that an endpoint may answer with.
  static let maximumSize = 256 << 10
  /// The most usable keys of a set; further ones are ignored.
  static let maximumKeys = 64

  /// The answer is no key set.
  struct NotAKeySet: Error {}

  private let keys: [[String: JSONValue]]

  init(_ bytes: [UInt8]) throws(NotAKeySet) {
    guard let members = try? JSONValueReader.object(bytes), case .array(let keys)? = members["keys"]
    else { throw NotAKeySet() }
    self.keys = keys.compactMap { key in
      if case .object(let members) = key { members } else { nil }
    }
  }

  /// The keys that may be used with one of `algorithms`, once for each of these.
  ///
  /// Others are left out without an error (RFC 7517 §5): unknown kinds, keys for encryption, those that cannot be read.
  /// Private numbers are never read, and secrets (`oct`) are of no kind that is known here.
  func verificationKeys(for algorithms: [TokenAlgorithm]) async -> [VerificationKey] {
    var result: [VerificationKey] = []
    for key in keys where Self.isForSignatures(key) {
      guard let numbers = Self.numbers(key) else { continue }
      var keyID: String?
      if case .string(let text)? = key["kid"] { keyID = text }
      for algorithm in algorithms
      where key["alg"] == nil || key["alg"] == .string(algorithm.rawValue) {
        guard result.count < Self.maximumKeys else { return result }
        if let key = try? await VerificationKey(algorithm, keyID: keyID, numbers: numbers) {
          result.append(key)
        }
      }
    }
    return result
  }

  /// RFC 7517 §4.2 and §4.3.
  private static func isForSignatures(_ key: [String: JSONValue]) -> Bool {
    guard key["use"] == nil || key["use"] == .string("sig") else { return false }
    switch key["key_ops"] {
    case nil: return true
    case .array(let operations): return operations.contains(.string("verify"))
    default: return false
    }
  }

  private static func numbers(_ key: [String: JSONValue]) -> VerificationKey.Numbers? {
    func text(_ name: String) -> String? {
      // 1,024 bytes: RSA keys of 8,192 bits; larger ones would cost whoever verifies too much.
      guard case .string(let text)? = key[name], let bytes = Base64URL.decode(text.utf8),
        (1...1_024).contains(bytes.count)
      else { return nil }
      return text
    }
    switch (key["kty"], key["crv"]) {
    case (.string("RSA"), _):
      guard let modulus = text("n"), let exponent = text("e") else { return nil }
      return .rsa(modulus: modulus, exponent: exponent)
    case (.string("EC"), .string(let curve)):
      guard let x = text("x"), let y = text("y") else { return nil }
      switch curve {
      case "P-256": return .curve(.es256, x: x, y: y)
      case "P-384": return .curve(.es384, x: x, y: y)
      case "P-521": return .curve(.es512, x: x, y: y)
      default: return nil
      }
    case (.string("OKP"), .string("Ed25519")):
      return text("x").map { .ed25519(x: $0) }
    default:
      return nil
    }
  }
}

package import JWTKit
package import MartletCore

/// Tokens for tests.
package enum TestToken {
  private struct Payload: JWTPayload {
    var claims: [String: JSONValue]

    init(claims: [String: JSONValue]) {
      self.claims = claims
    }

    init(from decoder: any Decoder) throws {
      claims = try [String: JSONValue](from: decoder)
    }

    func encode(to encoder: any Encoder) throws {
      try claims.encode(to: encoder)
    }

    func verify(using algorithm: some JWTAlgorithm) async throws {}
  }

  package static func hs256(
    _ claims: [String: JSONValue], secret: String, keyID: String? = nil
  ) async throws -> String {
    try await sign(claims, keyID: keyID) {
      await $0.add(
        hmac: HMACKey(from: secret), digestAlgorithm: .sha256,
        kid: keyID.map { JWKIdentifier(string: $0) })
    }
  }

  package static func sign(
    _ claims: [String: JSONValue], keyID: String? = nil,
    _ add: (JWTKeyCollection) async -> Void
  ) async throws -> String {
    let keys = JWTKeyCollection()
    await add(keys)
    return try await keys.sign(
      Payload(claims: claims), kid: keyID.map { JWKIdentifier(string: $0) })
  }
}

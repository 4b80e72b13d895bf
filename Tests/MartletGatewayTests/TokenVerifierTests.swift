import CryptoExtras
import JWTKit
import MartletCore
import MartletTestSupport
import Testing

@testable import MartletConfiguration
@testable import MartletGateway

@Suite struct TokenVerifierTests {
  private static let secret = String(repeating: "k", count: 32)
  private let now: Int64 = 1_000_000

  private func key(
    _ algorithm: Configuration.TokenKey.Algorithm = .hs256, _ material: String = secret,
    keyID: String? = nil, issuer: String? = nil, audience: String? = nil
  ) -> Configuration.TokenKey {
    Configuration.TokenKey(
      algorithm: algorithm, material: material, keyID: keyID, issuer: issuer, audience: audience,
      key: "auth.tokens[0]")
  }

  private func verify(
    _ token: String, _ keys: [Configuration.TokenKey]
  ) async throws -> VerifiedToken {
    try await TokenVerifier(keys, file: "m.yaml").verify(token, now: now)
  }

  private func error(
    _ token: String, _ keys: [Configuration.TokenKey]
  ) async -> TokenError? {
    do {
      _ = try await verify(token, keys)
      return nil
    } catch {
      return error as? TokenError
    }
  }

  private func claims(_ extra: [String: JSONValue] = [:]) -> [String: JSONValue] {
    ["sub": .string("u1"), "exp": .number(Double(now + 60))].merging(extra) { $1 }
  }

  @Test func `A good token says who it is and what it may`() async throws {
    let token = try await TestToken.hs256(
      claims(["name": .string("Ann"), "projects": .array([.number(42)])]), secret: Self.secret)
    let verified = try await verify(token, [key()])
    #expect(verified.user == User(id: "u1", name: "Ann") && verified.expires == now + 60)
    #expect(verified.claims["projects"] == .array([.number(42)]))
  }

  @Test func `Keys of RS256 and ES256 verify their own tokens and no others`() async throws {
    let ec = ES256PrivateKey()
    let ecKey = key(.es256, ec.publicKey.pemRepresentation)
    let token = try await TestToken.sign(claims()) { await $0.add(ecdsa: ec) }
    #expect(try await verify(token, [key(), ecKey]).user.id == "u1")
    let otherEC = key(.es256, ES256PrivateKey().publicKey.pemRepresentation)
    #expect(await error(token, [otherEC]) == .badSignature)
    #expect(await error(token, [key()]) == .noKey)
    let rsa = try Insecure.RSA.PrivateKey(
      pem: _RSA.Signing.PrivateKey(keySize: .bits2048).pemRepresentation)
    let rsaKey = key(.rs256, rsa.publicKey.pemRepresentation)
    let rsaToken = try await TestToken.sign(claims()) {
      await $0.add(rsa: rsa, digestAlgorithm: .sha256)
    }
    #expect(try await verify(rsaToken, [rsaKey]).user.id == "u1")
    // The classic confusion: the public key taken as an HMAC secret.
    let confused = try await TestToken.hs256(claims(), secret: rsaKey.material)
    #expect(await error(confused, [rsaKey]) == .noKey)
  }

  @Test(
    arguments: [
      (["exp": .number(999_999)], TokenError.expired), (["exp": .number(1_000_000)], .expired),
      (["exp": .null], .missingClaim("exp")), (["exp": .string("soon")], .missingClaim("exp")),
      (["exp": .number(1e300)], .badClaim("exp")), (["nbf": .number(1_000_001)], .notYetValid),
      (["nbf": .string("x")], .badClaim("nbf")), (["sub": .string("")], .missingClaim("sub")),
      (["sub": .number(5)], .missingClaim("sub")),
      (["sub": .string("anonymous:1")], .badClaim("sub")),
    ] as [([String: JSONValue], TokenError)])
  func `Claims are checked`(extra: [String: JSONValue], expected: TokenError) async throws {
    let token = try await TestToken.hs256(claims(extra), secret: Self.secret)
    #expect(await error(token, [key()]) == expected)
  }

  @Test func `Issuer, audience and key id are demanded where configured`() async throws {
    let plain = try await TestToken.hs256(claims(), secret: Self.secret)
    let full = try await TestToken.hs256(
      claims(["iss": .string("i"), "aud": .array([.string("x"), .string("a")])]),
      secret: Self.secret, keyID: "k1")
    #expect(await error(plain, [key(issuer: "i")]) == .badClaim("iss"))
    #expect(await error(plain, [key(audience: "a")]) == .badClaim("aud"))
    #expect(await error(plain, [key(keyID: "k1")]) == .noKey)
    #expect(try await verify(full, [key(keyID: "k1", issuer: "i", audience: "a")]).user.id == "u1")
    #expect(await error(full, [key(keyID: "k2")]) == .noKey)
  }

  @Test(arguments: [
    "", "a", "a.b", "a.b.c", "..", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSJ9.",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.AAAA", String(repeating: "a", count: 9_000),
  ])
  func `What is no good token is refused`(token: String) async {
    #expect(await error(token, [key()]) != nil)
  }

  @Test func `A changed token is refused`() async throws {
    let token = try await TestToken.hs256(claims(), secret: Self.secret)
    let parts = token.split(separator: ".").map(String.init)
    let other = try await TestToken.hs256(claims(["sub": .string("root")]), secret: Self.secret)
    let otherParts = other.split(separator: ".").map(String.init)
    #expect(await error("\(parts[0]).\(otherParts[1]).\(parts[2])", [key()]) == .badSignature)
  }

  @Test func `A key that cannot be read is a configuration error that names it`() async {
    let error = await #expect(throws: ConfigurationError.self) {
      try await TokenVerifier([key(.rs256, "no PEM")], file: "m.yaml")
    }
    #expect(error?.key == "auth.tokens[0].public_key_file")
  }
}

import JWTKit
import MartletCore
import MartletTestSupport
import Testing

@testable import MartletAccess
@testable import MartletConfiguration

@Suite struct TokenVerifierTests {
  private let secret = Example.secret
  private let now = Example.now

  private func verify(
    _ token: String, _ keys: [Configuration.TokenKey], skew: Duration = .zero
  ) async throws -> VerifiedToken {
    try await Example.verifier(keys, skew: skew).verify(token, now: now)
  }

  private func error(
    _ token: String, _ keys: [Configuration.TokenKey], skew: Duration = .zero
  ) async -> TokenError? {
    do {
      _ = try await verify(token, keys, skew: skew)
      return nil
    } catch {
      return error as? TokenError
    }
  }

  private func claims(_ extra: [String: JSONValue] = [:]) -> [String: JSONValue] {
    Example.claims(extra)
  }

  @Test func `A good token says who it is and what it may`() async throws {
    let token = try await TestToken.hs256(
      claims(["name": .string("Ann"), "projects": .array([.number(42)])]), secret: secret)
    let verified = try await verify(token, [Example.key()])
    #expect(verified.user == User(id: "u1", name: "Ann") && verified.expires == now + 60)
    #expect(verified.claims["projects"] == .array([.number(42)]))
  }

  @Test func `The claims are kept as the issuer wrote them`() async throws {
    let token = Example.token(
      payload: #"{ "sub":"u1", "exp": 1000060, "id": 9007199254740993 }"#)
    let verified = try await verify(token, [Example.key()])
    #expect(verified.claimsText == #"{"sub":"u1","exp":1000060,"id":9007199254740993}"#)
  }

  @Test func `Each algorithm verifies its own tokens and no others`() async throws {
    let rsa = try Example.rsa.get()
    let es256 = ES256PrivateKey()
    let es384 = ES384PrivateKey()
    let es512 = ES512PrivateKey()
    let ed = try EdDSA.PrivateKey()
    let long = String(repeating: "s", count: 64)
    let keys = [
      Example.key(.hs256, long), Example.key(.hs384, long), Example.key(.hs512, long),
      Example.key(.rs256, rsa.publicKey.pemRepresentation),
      Example.key(.rs384, rsa.publicKey.pemRepresentation),
      Example.key(.rs512, rsa.publicKey.pemRepresentation),
      Example.key(.ps256, rsa.publicKey.pemRepresentation),
      Example.key(.ps384, rsa.publicKey.pemRepresentation),
      Example.key(.ps512, rsa.publicKey.pemRepresentation),
      Example.key(.es256, es256.publicKey.pemRepresentation),
      Example.key(.es384, es384.publicKey.pemRepresentation),
      Example.key(.es512, es512.publicKey.pemRepresentation),
      Example.key(.edDSA, ed.publicKey.pemRepresentation),
    ]
    #expect(keys.map(\.algorithm) == TokenAlgorithm.allCases)
    for (index, key) in keys.enumerated() {
      let token = try await TestToken.sign(claims()) { collection in
        switch key.algorithm {
        case .hs256: await collection.add(hmac: HMACKey(from: long), digestAlgorithm: .sha256)
        case .hs384: await collection.add(hmac: HMACKey(from: long), digestAlgorithm: .sha384)
        case .hs512: await collection.add(hmac: HMACKey(from: long), digestAlgorithm: .sha512)
        case .rs256: await collection.add(rsa: rsa, digestAlgorithm: .sha256)
        case .rs384: await collection.add(rsa: rsa, digestAlgorithm: .sha384)
        case .rs512: await collection.add(rsa: rsa, digestAlgorithm: .sha512)
        case .ps256: await collection.add(pss: rsa, digestAlgorithm: .sha256)
        case .ps384: await collection.add(pss: rsa, digestAlgorithm: .sha384)
        case .ps512: await collection.add(pss: rsa, digestAlgorithm: .sha512)
        case .es256: await collection.add(ecdsa: es256)
        case .es384: await collection.add(ecdsa: es384)
        case .es512: await collection.add(ecdsa: es512)
        case .edDSA: await collection.add(eddsa: ed)
        }
      }
      #expect(try await verify(token, [key]).user.id == "u1", "\(key.algorithm)")
      var others = keys
      others.remove(at: index)
      #expect(await error(token, others) == .noKey, "\(key.algorithm)")
    }
    let other = Example.key(.es256, ES256PrivateKey().publicKey.pemRepresentation)
    let token = try await TestToken.sign(claims()) { await $0.add(ecdsa: es256) }
    #expect(await error(token, [other]) == .badSignature)
    #expect(try await verify(token, [other, keys[9]]).user.id == "u1")
  }

  @Test(
    arguments: [
      (["exp": .number(999_999)], TokenError.expired), (["exp": .number(1_000_000)], .expired),
      (["exp": .number(1_000_000.9)], .expired), (["nbf": .number(1_000_001)], .notYetValid),
      (["iat": .number(1_000_001)], .notYetValid), (["nbf": .number(1_000_000.5)], .notYetValid),
    ] as [([String: JSONValue], TokenError)])
  func `Times are checked`(extra: [String: JSONValue], expected: TokenError) async throws {
    let token = try await TestToken.hs256(claims(extra), secret: secret)
    #expect(await error(token, [Example.key()]) == expected)
    // One second of difference between clocks is forgiven if the configuration says so.
    let forgiving = await error(token, [Example.key()], skew: .seconds(2))
    #expect(forgiving == nil)
  }

  @Test func `A token is good as long as the allowance for clocks says`() async throws {
    let token = try await TestToken.hs256(claims(["exp": .number(1_000_000)]), secret: secret)
    let key = [Example.key()]
    #expect(try await verify(token, key, skew: .seconds(5)).expires == 1_000_005)
    let verifier = try await Example.verifier(key, skew: .seconds(5))
    _ = try await verifier.verify(token, now: 1_000_004)
    await #expect(throws: TokenError.expired) { try await verifier.verify(token, now: 1_000_005) }
  }

  @Test(
    arguments: [
      (["exp": .null], TokenError.badClaim("exp")), (["exp": .string("9999999")], .badClaim("exp")),
      (["exp": .array([.number(9_999_999)])], .badClaim("exp")),
      (["exp": .bool(true)], .badClaim("exp")), (["exp": .number(1e300)], .badClaim("exp")),
      (["exp": .number(-1)], .badClaim("exp")),
      // Milliseconds.
      (["exp": .number(1_763_719_980_412)], .badClaim("exp")),
      (["nbf": .string("x")], .badClaim("nbf")), (["iat": .string("x")], .badClaim("iat")),
      (["sub": .string("")], .badClaim("sub")), (["sub": .number(5)], .badClaim("sub")),
      (["sub": .null], .badClaim("sub")), (["sub": .array([.string("u1")])], .badClaim("sub")),
      (["sub": .object(["id": .string("u1")])], .badClaim("sub")),
      (["sub": .string("anonymous:1")], .badClaim("sub")),
      (["sub": .string(String(repeating: "x", count: 129))], .badClaim("sub")),
    ] as [([String: JSONValue], TokenError)])
  func `Claims have the right form`(extra: [String: JSONValue], expected: TokenError) async throws {
    let token = try await TestToken.hs256(claims(extra), secret: secret)
    #expect(await error(token, [Example.key()], skew: .seconds(60)) == expected)
  }

  @Test func `Claims that are required are missed`() async {
    for (payload, name) in [(#"{"sub":"u1"}"#, "exp"), (#"{"exp":1000060}"#, "sub")] {
      let token = Example.token(payload: payload)
      #expect(await error(token, [Example.key()]) == .missingClaim(name))
    }
  }

  @Test func `Issuer, audience and key id are demanded where configured`() async throws {
    let plain = try await TestToken.hs256(claims(), secret: secret)
    let full = try await TestToken.hs256(
      claims(["iss": .string("i"), "aud": .array([.string("x"), .string("a")])]),
      secret: secret, keyID: "k1")
    #expect(await error(plain, [Example.key(issuer: "i")]) == .badClaim("iss"))
    #expect(await error(plain, [Example.key(audience: "a")]) == .badClaim("aud"))
    #expect(await error(plain, [Example.key(keyID: "k1")]) == .noKey)
    let all = Example.key(keyID: "k1", issuer: "i", audience: "a")
    #expect(try await verify(full, [all]).user.id == "u1")
    #expect(await error(full, [Example.key(keyID: "k2")]) == .noKey)
    let nested = try await TestToken.hs256(
      claims(["aud": .array([.array([.string("a")])])]), secret: secret)
    #expect(await error(nested, [Example.key(audience: "a")]) == .badClaim("aud"))
  }

  @Test func `Of several keys with one id the one that signed is found`() async throws {
    let token = try await TestToken.hs256(claims(), secret: secret, keyID: "k")
    let other = Example.key(.hs256, String(repeating: "o", count: 32), keyID: "k")
    #expect(try await verify(token, [other, Example.key(keyID: "k")]).user.id == "u1")
    #expect(await error(token, [other]) == .badSignature)
  }

  @Test func `A changed token is refused`() async throws {
    let token = try await TestToken.hs256(claims(), secret: secret)
    let parts = token.split(separator: ".").map(String.init)
    let other = try await TestToken.hs256(claims(["sub": .string("root")]), secret: secret)
    let otherParts = other.split(separator: ".").map(String.init)
    #expect(
      await error("\(parts[0]).\(otherParts[1]).\(parts[2])", [Example.key()]) == .badSignature)
  }

  @Test func `A key that cannot be read is a configuration error that names it`() async {
    for algorithm in TokenAlgorithm.asymmetric {
      let error = await #expect(throws: ConfigurationError.self) {
        try await Example.verifier([Example.key(algorithm, "no PEM")])
      }
      #expect(error?.key == "auth.tokens[0].public_key_file")
    }
  }

  @Test func `A key of one kind is no key of another`() async {
    let pem = ES256PrivateKey().publicKey.pemRepresentation
    for algorithm in TokenAlgorithm.asymmetric where algorithm != .es256 {
      await #expect(throws: ConfigurationError.self) {
        try await Example.verifier([Example.key(algorithm, pem)])
      }
    }
  }
}

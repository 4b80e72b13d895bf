import JWTKit
import MartletConfiguration
import Testing

@testable import MartletAccess

/// Which keys of a published set are used (RFC 7517).
@Suite struct KeySetDocumentTests {
  private let issuer = Issuer("k1")

  private func keys(
    _ text: String, _ algorithms: [TokenAlgorithm] = TokenAlgorithm.asymmetric
  ) async throws -> [String] {
    try await KeySetDocument(Array(text.utf8)).verificationKeys(for: algorithms)
      .map { "\($0.keyID ?? "-") \($0.algorithm.rawValue)" }
  }

  @Test func `A key is used with the algorithms of its kind that are allowed`() async throws {
    let rsa = try Example.rsa.get()
    let (n, e) = try rsa.publicKey.getKeyPrimitives()
    let text = Issuer.set(
      issuer.jwk(),
      #"{"kty":"RSA","kid":"r","n":"\#(Example.base64URL(n))","e":"\#(Example.base64URL(e))"}"#,
      #"{"kty":"OKP","crv":"Ed25519","kid":"d","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#)
    #expect(
      try await keys(text) == [
        "k1 ES256", "r RS256", "r RS384", "r RS512", "r PS256", "r PS384", "r PS512", "d EdDSA",
      ])
    #expect(try await keys(text, [.rs256]) == ["r RS256"])
    #expect(try await keys(text, [.es384, .edDSA]) == ["d EdDSA"])
  }

  @Test func `A key that names its algorithm is for no other`() async throws {
    #expect(try await keys(Issuer.set(issuer.jwk(#","alg":"ES256""#))) == ["k1 ES256"])
    #expect(try await keys(Issuer.set(issuer.jwk(#","alg":"ES384""#))) == [])
    #expect(try await keys(Issuer.set(issuer.jwk(#","alg":"none""#))) == [])
    #expect(try await keys(Issuer.set(issuer.jwk(#","alg":"HS256""#))) == [])
  }

  @Test func `Keys for other uses are left out`() async throws {
    #expect(try await keys(Issuer.set(issuer.jwk(#","use":"enc""#))) == [])
    #expect(try await keys(Issuer.set(issuer.jwk(#","use":"sig""#))) == ["k1 ES256"])
    #expect(try await keys(Issuer.set(issuer.jwk(#","key_ops":["encrypt"]"#))) == [])
    #expect(try await keys(Issuer.set(issuer.jwk(#","key_ops":["verify"]"#))) == ["k1 ES256"])
    #expect(try await keys(Issuer.set(issuer.jwk(#","key_ops":"verify""#))) == [])
  }

  @Test(arguments: [
    // A published secret is none (RFC 8725 §3.2).
    #"{"kty":"oct","kid":"s","alg":"HS256","k":"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s"}"#,
    #"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#, #"{"kty":"EC","crv":"P-256","x":"AA"}"#,
    // Not on the curve.
    #"{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}"#,
    #"{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    #"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#, #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
    #"{"kty":"RSA","e":"AQAB"}"#, #"{"kty":"unknown"}"#, #"{}"#, "1", "null",
  ])
  func `A key that cannot be used spoils no other`(key: String) async throws {
    #expect(try await keys(Issuer.set(key, issuer.jwk(), key)) == ["k1 ES256"])
  }

  @Test func `RSA keys are neither weak nor so large that they cost too much`() async throws {
    func key(bytes count: Int) -> String {
      let modulus = Example.base64URL([UInt8](repeating: 0xff, count: count))
      return #"{"kty":"RSA","n":"\#(modulus)","e":"AQAB"}"#
    }
    #expect(try await keys(Issuer.set(key(bytes: 128), key(bytes: 2_048)), [.rs256]) == [])
    #expect(try await keys(Issuer.set(key(bytes: 256)), [.rs256]) == ["- RS256"])
  }

  @Test func `Private numbers are not read`() async throws {
    let text = Issuer.set(issuer.jwk(#","d":"not base64url!""#))
    #expect(try await keys(text) == ["k1 ES256"])
  }

  @Test func `A set has a bounded number of keys`() async throws {
    let many = Array(repeating: issuer.jwk(), count: 100).joined(separator: ",")
    let keys = try await keys(Issuer.set(many))
    #expect(keys.count == KeySetDocument.maximumKeys && keys.count == 64)
  }
}

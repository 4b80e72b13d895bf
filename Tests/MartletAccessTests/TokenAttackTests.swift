import Foundation
import JWTKit
import MartletConfiguration
import MartletCore
import MartletTestSupport
import Testing

@testable import MartletAccess

/// What attackers send instead of tokens (RFC 8725 §2), each beside the good token that it was made of.
@Suite struct TokenAttackTests {
  private let verifier: TokenVerifier
  private let rsaKey: Configuration.TokenKey

  init() async throws {
    let rsa = try Example.rsa.get()
    rsaKey = Example.key(.rs256, rsa.publicKey.pemRepresentation)
    verifier = try await Example.verifier([Example.key(), rsaKey])
  }

  private func error(_ token: String) async -> TokenError? {
    do {
      _ = try await verifier.verify(token, now: Example.now)
      return nil
    } catch {
      return error
    }
  }

  @Test func `The token that the attacks are made of is good`() async {
    #expect(await error(Example.token()) == nil)
  }

  @Test(arguments: ["none", "None", "NONE", "nOnE", "", "HS257", "hs256", "RSA-OAEP", "ML-DSA-65"])
  func `A token is not signed in a way that it chooses`(algorithm: String) async {
    let header = #"{"alg":"\#(algorithm)"}"#
    #expect(await error(Example.token(header: header)) == .noKey)
    // RFC 8725 §2.1: without any signature.
    let unsigned = "\(Example.base64URL(header.utf8)).\(Example.base64URL(Example.payload.utf8))."
    #expect(await error(unsigned) == .noKey)
  }

  /// RFC 8725 §2.1: the public key taken as an HMAC secret.
  @Test func `A public key is no secret`() async throws {
    let onlyRSA = try await Example.verifier([rsaKey])
    for material in [
      rsaKey.material, rsaKey.material + "\n",
      rsaKey.material.trimmingCharacters(in: .whitespacesAndNewlines),
    ] {
      for name in ["HS256", "HS384", "HS512"] {
        let token = Example.token(header: #"{"alg":"\#(name)"}"#, secret: material)
        await #expect(throws: TokenError.noKey) {
          try await onlyRSA.verify(token, now: Example.now)
        }
      }
      #expect(await error(Example.token(secret: material)) == .badSignature)
    }
    // And the signature of a secret is none of an RSA key.
    #expect(await error(Example.token(header: #"{"alg":"RS256"}"#)) == .badSignature)
  }

  @Test(arguments: [
    // RFC 7515 §4.1.11, RFC 8725 §3.10: extensions that nobody here understands.
    #"{"alg":"HS256","crit":["exp"],"exp":1}"#, #"{"alg":"HS256","crit":[]}"#,
    #"{"alg":"HS256","crit":["b64"],"b64":false}"#, #"{"alg":"HS256","crit":null}"#,
    // RFC 7515 §4: which of two is meant?
    #"{"alg":"none","alg":"HS256"}"#, #"{"alg":"HS256","alg":"HS256"}"#,
    #"{"alg":"HS256","\u0061lg":"none"}"#, #"{"alg":"HS256","kid":"a","kid":"b"}"#,
    #"{"alg":"HS256","x":{"a":1,"a":2}}"#,
    #"{}"#, #"{"alg":null}"#, #"{"alg":1}"#, #"{"alg":["HS256"]}"#, #"{"alg":{"name":"HS256"}}"#,
    #"{"alg":"HS256","kid":1}"#, #"{"alg":"HS256","kid":null}"#, #"{"alg":"HS256","kid":["a"]}"#,
    #"["alg","HS256"]"#, #""HS256""#, "null", "", " ", #"{"alg":"HS256"}{}"#, #"{"alg":"HS256""#,
    #"{"alg":"HS256",}"#, #"{'alg':'HS256'}"#, "\u{feff}{\"alg\":\"HS256\"}",
    #"{"alg":"HS256","x":NaN}"#, #"{"alg":"HS256","x":1e400}"#,
  ])
  func `A header that can be read in two ways, or asks for more, is refused`(header: String) async {
    #expect(await error(Example.token(header: header)) == .malformed)
  }

  /// RFC 8725 §3.10: what a token says about where its key is.
  @Test func `Keys and addresses in a header are not looked at`() async {
    let header =
      #"{"alg":"HS256","jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/","#
      + #""jwk":{"kty":"oct","k":"AAAA"},"x5c":["AAAA"]}"#
    #expect(await error(Example.token(header: header)) == nil)
    #expect(await error(Example.token(header: header, secret: "\0\0\0")) == .badSignature)
  }

  /// RFC 8725 §2.7: key ids that are paths, queries or addresses for somebody else.
  @Test(arguments: [
    "../../../../dev/null", "/dev/null", "file:///dev/null", "http://127.0.0.1:1/key",
    "' OR '1'='1", "k1\\u0000", "k1; rm -rf /", "\\u202ek1", "*", "%2e%2e%2f",
  ])
  func `A key id is only compared`(keyID: String) async throws {
    let named = try await Example.verifier([Example.key(keyID: "k1")])
    for secret in [Example.secret, "", "\0"] {
      let token = Example.token(header: #"{"alg":"HS256","kid":"\#(keyID)"}"#, secret: secret)
      await #expect(throws: TokenError.noKey) { try await named.verify(token, now: Example.now) }
    }
  }

  @Test func `A long key id is refused`() async {
    let header = #"{"alg":"HS256","kid":"\#(String(repeating: "k", count: 257))"}"#
    #expect(await error(Example.token(header: header)) == .malformed)
  }

  @Test(arguments: [
    #"{"sub":"u1","exp":1000060,"sub":"root"}"#, #"{"sub":"u1","exp":1,"exp":1000060}"#,
    #"{"sub":"u1","\u0065xp":1000060,"exp":1}"#,
    #"{"sub":"u1","exp":1000060,"x":[{"a":1,"a":2}]}"#,
    #"{"sub":"u1","exp":NaN}"#, #"{"sub":"u1","exp":Infinity}"#, #"{"sub":"u1","exp":-NaN}"#,
    #"{"sub":"u1","exp":1e400}"#, #"{"sub":"u1","exp":0x7fffffff}"#,
    #"{"sub":"u1","exp":+1000060}"#,
    #"{"sub":"u1","exp":01000060}"#, #"["sub","u1"]"#, #""eyJhbGciOiJIUzI1NiJ9""#, "null", "", "{",
    #"{"sub":"u1","exp":1000060} "trailing""#, "{\"sub\":\"\u{1}\",\"exp\":1000060}",
    #"{"sub":"u1","exp":1000060,"x":"# + String(repeating: "[", count: 70)
      + String(repeating: "]", count: 70) + "}",
  ])
  func `A payload that can be read in two ways is refused, though its signature is good`(
    payload: String
  ) async {
    #expect(await error(Example.token(payload: payload)) == .malformed)
  }

  @Test(arguments: [
    #"{"sub":"u1","exp":1e18}"#, #"{"sub":"u1","exp":9223372036854775807}"#,
    #"{"sub":"u1","exp":9223372036854775808}"#, #"{"sub":"u1","exp":18446744073709551616}"#,
    #"{"sub":"u1","exp":1.7976931348623157e308}"#, #"{"sub":"u1","exp":-9223372036854775809}"#,
  ])
  func `A token without end is refused`(payload: String) async {
    #expect(await error(Example.token(payload: payload)) == .badClaim("exp"))
  }

  @Test func `Bytes that are no UTF-8 are refused`() async {
    let payload = Array(#"{"sub":"u"#.utf8) + [0xff] + Array(#"","exp":1000060}"#.utf8)
    let text = Example.base64URL(Example.header.utf8) + "." + Example.base64URL(payload)
    #expect(await error(Example.sign(text)) == .malformed)
  }

  @Test func `Another encoding of JSON is refused`() async {
    let payload = Example.payload.utf8.map { [$0, 0] }.joined()
    let text = Example.base64URL(Example.header.utf8) + "." + Example.base64URL(payload)
    #expect(await error(Example.sign(text)) == .malformed)
  }

  /// RFC 7515 §2: base64url without padding, white space and spare bits, so that a token has one spelling.
  @Test func `A token has one spelling`() async throws {
    let token = Example.token()
    let parts = token.split(separator: ".").map(String.init)
    #expect(parts[2].count == 43)
    for spelling in [
      token + "=", token + "==", token + " ", token + "\n", " " + token, token + "\0",
      "\(parts[0])=.\(parts[1]).\(parts[2])", "\(parts[0]).\(parts[1])=.\(parts[2])",
      "\(parts[0])..\(parts[1]).\(parts[2])", "\(parts[0]).\(parts[1]).", "\(parts[0]).\(parts[1])",
      "\(token).", ".\(token)", "\(token).\(parts[2])", "\(parts[0]) .\(parts[1]).\(parts[2])",
    ] {
      let error = await error(spelling)
      #expect(error == .malformed || error == .badSignature, "\(spelling)")
    }
    // 256 bits are 42 characters and four bits; the last character has two bits that mean nothing.
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    let last = try #require(alphabet.firstIndex { $0 == token.last })
    #expect(last % 4 == 0)
    for bits in 1...3 {
      #expect(await error(token.dropLast() + String(alphabet[last + bits])) == .malformed)
    }
  }

  @Test(arguments: [
    "", ".", "..", "...", "a", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e", "\0.\0.\0", "é.é.é",
  ])
  func `What is no token is refused`(token: String) async {
    #expect(await error(token) == .malformed)
  }

  /// RFC 8725 §2.8, §3.5: five parts are encrypted tokens.
  @Test func `An encrypted token is refused`() async {
    let header = Example.base64URL(#"{"alg":"dir","enc":"A128GCM"}"#.utf8)
    #expect(await error("\(header)..AAAA.AAAA.AAAA") == .malformed)
  }

  @Test func `A token above the size limit is not looked at`() async throws {
    var auth = Configuration.Auth()
    auth.tokenKeys = [Example.key()]
    auth.tokenSize = 1_024
    let verifier = try await TokenVerifier(auth, file: "m.yaml")
    func token(_ length: Int) -> String {
      Example.token(
        payload: #"{"sub":"u1","exp":1000060,"x":"\#(String(repeating: "x", count: length))"}"#)
    }
    let longest = token(685)
    #expect((1_000...1_024).contains(longest.utf8.count))
    _ = try await verifier.verify(longest, now: Example.now)
    for length in [720, 10_000, 1_000_000] {
      await #expect(throws: TokenError.malformed) {
        try await verifier.verify(token(length), now: Example.now)
      }
    }
  }

  /// RFC 8725 §3.4: signatures of all zeros (CVE-2022-21449), of the wrong length, in DER.
  @Test func `Degenerate signatures are refused`() async throws {
    let key = ES256PrivateKey()
    let ecdsa = try await Example.verifier([
      Example.key(.es256, key.publicKey.pemRepresentation)
    ])
    let text =
      Example.base64URL(#"{"alg":"ES256"}"#.utf8) + "." + Example.base64URL(Example.payload.utf8)
    let der: [UInt8] = [0x30, 6, 2, 1, 0, 2, 1, 0]
    for signature in [
      [UInt8](repeating: 0, count: 64), [], [0], [UInt8](repeating: 0xff, count: 64),
      [UInt8](repeating: 0, count: 63), [UInt8](repeating: 1, count: 65),
      [UInt8](repeating: 1, count: 4_096), der,
    ] {
      await #expect(throws: TokenError.badSignature) {
        try await ecdsa.verify(
          text + "." + Example.base64URL(signature), now: Example.now)
      }
    }
  }

  @Test func `Random changes of a good token never pass`() async {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SeededGenerator(seed: seed)
    let good = Array(Example.token().utf8)
    for _ in 0..<2_000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0:
          bytes[Int.random(in: bytes.indices, using: &generator)] =
            .random(in: 33...126, using: &generator)
        case 1: bytes.remove(at: Int.random(in: bytes.indices, using: &generator))
        default:
          bytes.insert(
            .random(in: 33...126, using: &generator),
            at: Int.random(in: bytes.indices, using: &generator))
        }
      }
      guard bytes != good else { continue }
      let token = String(decoding: bytes, as: UTF8.self)
      #expect(await error(token) != nil, "\(token), seed \(seed)")
    }
  }
}

import Crypto
import CryptoExtras
import Foundation
import JWTKit
import Logging
import MartletCore

@testable import MartletAccess
@testable import MartletConfiguration

/// Tokens, keys and questions of the tests.
enum Example {
  static let secret = String(repeating: "k", count: 32)
  /// Seconds since 1970.
  static let now: Int64 = 1_000_000
  static let header = #"{"alg":"HS256"}"#
  static let payload = #"{"sub":"u1","exp":1000060}"#
  static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Made once: it takes long.
  static let rsa = Result {
    try Insecure.RSA.PrivateKey(
      pem: _RSA.Signing.PrivateKey(keySize: .bits2048).pemRepresentation)
  }

  static func key(
    _ algorithm: TokenAlgorithm = .hs256, _ material: String = secret, keyID: String? = nil,
    issuer: String? = nil, audience: String? = nil
  ) -> Configuration.TokenKey {
    Configuration.TokenKey(
      algorithm: algorithm, material: material, keyID: keyID, issuer: issuer, audience: audience,
      key: "auth.tokens[0]")
  }

  static func verifier(
    _ keys: [Configuration.TokenKey], skew: Duration = .zero
  ) async throws -> TokenVerifier {
    var auth = Configuration.Auth()
    auth.tokenKeys = keys
    auth.clockSkew = skew
    return try await TokenVerifier(auth, file: "m.yaml")
  }

  static func claims(_ extra: [String: JSONValue] = [:]) -> [String: JSONValue] {
    ["sub": .string("u1"), "exp": .number(Double(now + 60))].merging(extra) { $1 }
  }

  static func base64URL(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
  }

  /// A token of any header and payload, signed with HMAC-SHA-256.
  static func token(
    header: String = header, payload: String = payload, secret: String = secret
  ) -> String {
    sign(base64URL(header.utf8) + "." + base64URL(payload.utf8), secret: secret)
  }

  /// Adds the signature to text that stands for itself.
  static func sign(_ text: String, secret: String = secret) -> String {
    let code = HMAC<SHA256>.authenticationCode(
      for: Data(text.utf8), using: SymmetricKey(data: Data(secret.utf8)))
    return text + "." + base64URL(code)
  }

  // MARK: Questions

  static func route(_ events: Set<AccessEvent> = Set(AccessEvent.allCases)) -> Route {
    do {
      return Route(
        path: try PathPattern("/ws/room/{room}"), group: try TextTemplate("room", allowed: []),
        access: AccessRule(hookEvents: events))
    } catch {
      preconditionFailure("the example's route is well formed: \(error)")
    }
  }

  static let group = GroupName(trusted: "room_7")

  static func subject(
    _ user: String = "u1", connection: String = "c1", claims: String? = "{}"
  ) -> AccessSubject {
    AccessSubject(
      connectionID: connection, user: User(id: user, name: nil), tenant: nil, claimsText: claims,
      remoteAddress: "192.0.2.7")
  }

  static func join(
    _ user: String = "u1", group: String = "room_7", connection: String = "c1"
  ) -> AccessQuestion {
    .join(
      subject(user, connection: connection), route(), GroupName(trusted: group))
  }

  static func publish(
    _ text: String, user: String = "u1", type: String = "chat"
  ) -> AccessQuestion {
    .publish(
      subject(user), route(), GroupName(trusted: "room_7"),
      AccessQuestion.Publication(type: type, event: #"{"type":"\#(type)","text":"\#(text)"}"#))
  }
}

internal import Foundation
internal import JWTKit
internal import MartletConfiguration
internal import MartletCore

/// What a verified token says.
struct VerifiedToken: Sendable, Equatable {
  var user: User
  /// All claims, for access rules.
  var claims: [String: JSONValue]
  /// Seconds since 1970.
  var expires: Int64
}

/// Why a token is not accepted. The client only learns that it is not.
enum TokenError: Error, Equatable {
  case malformed
  /// No configured key has the token's algorithm and key id.
  case noKey
  case badSignature
  case missingClaim(String)
  case badClaim(String)
  case expired
  case notYetValid
}

/// Verifies JSON Web Tokens (RFC 7519) with the configured keys.
///
/// The algorithm is the key's, never the token's choice: a token whose header names another one,
/// `none` among them, has no key (RFC 8725 §3.1).
struct TokenVerifier: Sendable {
  private struct Key: Sendable {
    var configuration: Configuration.TokenKey
    var collection: JWTKeyCollection
  }

  /// Longer tokens are not looked at.
  static let maximumLength = 8_192

  private let keys: [Key]

  /// Throws ``ConfigurationError`` if a key's material cannot be read.
  init(_ configurations: [Configuration.TokenKey], file: String) async throws {
    var keys: [Key] = []
    for configuration in configurations {
      let collection = JWTKeyCollection()
      do {
        switch configuration.algorithm {
        case .hs256:
          await collection.add(
            hmac: HMACKey(from: configuration.material), digestAlgorithm: .sha256)
        case .rs256:
          await collection.add(
            rsa: try Insecure.RSA.PublicKey(pem: configuration.material), digestAlgorithm: .sha256)
        case .es256:
          await collection.add(ecdsa: try ES256PublicKey(pem: configuration.material))
        }
      } catch {
        throw ConfigurationError(
          file: file, line: nil, key: "\(configuration.key).public_key_file",
          problem: "is not a public key for \(configuration.algorithm.rawValue) in PEM")
      }
      keys.append(Key(configuration: configuration, collection: collection))
    }
    self.keys = keys
  }

  /// - Parameter now: seconds since 1970.
  func verify(_ token: String, now: Int64) async throws(TokenError) -> VerifiedToken {
    guard token.utf8.count <= Self.maximumLength, let header = Header(token) else {
      throw .malformed
    }
    let candidates = keys.filter { key in
      key.configuration.algorithm.rawValue == header.alg
        && (key.configuration.keyID == nil || key.configuration.keyID == header.kid)
    }
    guard !candidates.isEmpty else { throw .noKey }
    for key in candidates {
      guard let payload = try? await key.collection.verify(token, as: Claims.self) else { continue }
      return try Self.check(payload.claims, key.configuration, now: now)
    }
    throw .badSignature
  }

  private static func check(
    _ claims: [String: JSONValue], _ key: Configuration.TokenKey, now: Int64
  ) throws(TokenError) -> VerifiedToken {
    guard case .number(let expires)? = claims["exp"] else { throw .missingClaim("exp") }
    guard let expires = Int64(exactly: expires.rounded(.down)) else { throw .badClaim("exp") }
    guard expires > now else { throw .expired }
    switch claims["nbf"] {
    case nil: break
    case .number(let start): if start > Double(now) { throw .notYetValid }
    default: throw .badClaim("nbf")
    }
    guard case .string(let id)? = claims["sub"], !id.isEmpty else { throw .missingClaim("sub") }
    guard !id.hasPrefix(User.anonymousPrefix), id.utf8.count <= 128 else { throw .badClaim("sub") }
    if let issuer = key.issuer, claims["iss"] != .string(issuer) { throw .badClaim("iss") }
    if let audience = key.audience {
      switch claims["aud"] {
      case .string(audience): break
      case .array(let all) where all.contains(.string(audience)): break
      default: throw .badClaim("aud")
      }
    }
    var name: String?
    if case .string(let text)? = claims["name"] { name = text }
    return VerifiedToken(user: User(id: id, name: name), claims: claims, expires: expires)
  }
}

/// The fields of a token's header that choose the key.
private struct Header: Decodable {
  var alg: String
  var kid: String?

  init?(_ token: String) {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    var base64 = parts[0].replacingOccurrences(of: "-", with: "+")
      .replacingOccurrences(of: "_", with: "/")
    base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
    guard let data = Data(base64Encoded: base64),
      let header = try? JSONDecoder().decode(Header.self, from: data)
    else { return nil }
    self = header
  }
}

/// A token's payload as it is; ``TokenVerifier`` checks the claims, with a clock that it is given.
private struct Claims: JWTPayload {
  var claims: [String: JSONValue]

  init(from decoder: any Decoder) throws {
    claims = try [String: JSONValue](from: decoder)
  }

  func encode(to encoder: any Encoder) throws {
    try claims.encode(to: encoder)
  }

  func verify(using algorithm: some JWTAlgorithm) async throws {}
}

internal import MartletConfiguration
internal import MartletCore

/// What the claims of a token with a good signature have to say (RFC 7519 §4.1).
struct ClaimRules: Sendable {
  var issuer: String?
  var audience: String?
  /// How far the issuer's clock may be from ours, in seconds.
  var clockSkew: Int64

  /// The end of the year 9999: later times are milliseconds that were taken for seconds, or nonsense.
  private static let latestTime = 253_402_300_799.0

  /// - Parameter now: seconds since 1970.
  func check(_ token: SignedToken, now: Int64) throws(TokenError) -> VerifiedToken {
    let (claims, text) = try token.claims()
    let expires = try expires(claims)
    guard expires > now else { throw .expired }
    // RFC 7519 §4.1.5; a token of the future (§4.1.6) is one of a clock that cannot be believed.
    for name in ["nbf", "iat"] {
      if let time = try Self.time(name, claims), time > Double(now + clockSkew) {
        throw .notYetValid
      }
    }
    if let issuer, claims["iss"] != .string(issuer) { throw .badClaim("iss") }
    if let audience { try Self.check(audience: audience, claims["aud"]) }
    var name: String?
    if case .string(let text)? = claims["name"] { name = text }
    return VerifiedToken(
      user: User(id: try Self.userID(claims), name: name), claims: claims, claimsText: text,
      expires: expires)
  }

  private func expires(_ claims: [String: JSONValue]) throws(TokenError) -> Int64 {
    guard let time = try Self.time("exp", claims) else { throw .missingClaim("exp") }
    // A fraction of a second is allowed (RFC 7519 §2) and rounded to the safe side.
    return Int64(time.rounded(.down)) + clockSkew
  }

  private static func time(
    _ name: String, _ claims: [String: JSONValue]
  ) throws(TokenError) -> Double? {
    switch claims[name] {
    case nil: return nil
    case .number(let time) where (0...latestTime).contains(time): return time
    default: throw .badClaim(name)
    }
  }

  private static func userID(_ claims: [String: JSONValue]) throws(TokenError) -> String {
    switch claims["sub"] {
    case nil: throw .missingClaim("sub")
    case .string(let id) where User.isID(id): return id
    default: throw .badClaim("sub")
    }
  }

  /// RFC 7519 §4.1.3: one text, or a list of texts.
  private static func check(audience: String, _ claim: JSONValue?) throws(TokenError) {
    switch claim {
    case .string(audience): return
    case .array(let all) where all.contains(.string(audience)): return
    default: throw .badClaim("aud")
    }
  }
}

package import MartletCore

/// What a verified token says.
package struct VerifiedToken: Sendable, Equatable {
  package var user: User
  /// All claims, for access rules.
  package var claims: [String: JSONValue]
  /// The same as JSON without white space, as the issuer wrote it.
  package var claimsText: String
  /// From when on it is not accepted: its `exp` and the allowance for clocks. Seconds since 1970.
  package var expires: Int64
}

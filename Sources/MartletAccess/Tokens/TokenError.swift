/// Why a token is not accepted. The client only learns that it is not, and whether a later attempt may help.
package enum TokenError: Error, Equatable {
  case malformed
  /// No key is for the token's algorithm and key id.
  case noKey
  /// The keys that it may need could not be fetched yet; a later attempt may succeed.
  case keysUnavailable
  case badSignature
  case missingClaim(String)
  case badClaim(String)
  case expired
  case notYetValid

  /// Whether the client should come again with the same token.
  package var isTransient: Bool { self == .keysUnavailable }
}

/// How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1). `none` is not one.
package enum TokenAlgorithm: String, CaseIterable, Sendable {
  case hs256 = "HS256"
  case hs384 = "HS384"
  case hs512 = "HS512"
  case rs256 = "RS256"
  case rs384 = "RS384"
  case rs512 = "RS512"
  case ps256 = "PS256"
  case ps384 = "PS384"
  case ps512 = "PS512"
  case es256 = "ES256"
  case es384 = "ES384"
  case es512 = "ES512"
  /// Ed25519.
  case edDSA = "EdDSA"

  /// In bytes, of algorithms whose key is a secret (RFC 7518 §3.2); nil for those with a public key.
  package var minimumSecretLength: Int? {
    switch self {
    case .hs256: 32
    case .hs384: 48
    case .hs512: 64
    case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .edDSA: nil
    }
  }

  /// Those with a public key.
  package static var asymmetric: [TokenAlgorithm] {
    allCases.filter { $0.minimumSecretLength == nil }
  }
}

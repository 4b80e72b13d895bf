internal import MartletConfiguration
internal import MartletCore

/// Verifies JSON Web Tokens (RFC 7519) with the configured keys and key sets. Any thread.
///
/// The algorithm is the key's, never the token's choice: a token whose header names another one,
/// `none` among them, has no key (RFC 8725 §3.1).
struct TokenVerifier: Sendable {
  private struct FixedKey: Sendable {
    var key: VerificationKey
    var rules: ClaimRules
  }

  /// What can be said without waiting.
  enum Look {
    case verified(VerifiedToken)
    case refused(TokenError)
    /// These sets may have a key for it when they are fetched again; `otherwise` is so if they have none.
    case needs([KeySet], otherwise: TokenError)
  }

  private let fixedKeys: [FixedKey]
  private let keySets: [KeySet]
  private let maximumLength: Int

  /// Throws ``ConfigurationError`` if a key's material cannot be read.
  init(_ auth: Configuration.Auth, keySets: [KeySet] = [], file: String) async throws {
    var fixedKeys: [FixedKey] = []
    for token in auth.tokenKeys {
      let key: VerificationKey
      do {
        key = try await VerificationKey(
          token.algorithm, keyID: token.keyID, material: token.material)
      } catch {
        throw ConfigurationError(
          file: file, line: nil, key: "\(token.key).public_key_file",
          problem: "is not a public key for \(token.algorithm.rawValue) in PEM")
      }
      fixedKeys.append(
        FixedKey(
          key: key,
          rules: ClaimRules(
            issuer: token.issuer, audience: token.audience,
            clockSkew: auth.clockSkew.components.seconds)))
    }
    self.fixedKeys = fixedKeys
    self.keySets = keySets
    maximumLength = auth.tokenSize
  }

  /// Verifies a token with the keys that are here.
  ///
  /// - Parameter now: seconds since 1970.
  func look(_ text: String, now: Int64) -> Look {
    do throws(TokenError) {
      return try look(SignedToken(text, maximumLength: maximumLength), now: now)
    } catch {
      return .refused(error)
    }
  }

  /// The same, and waits for keys if they may help.
  func verify(_ text: String, now: Int64) async throws(TokenError) -> VerifiedToken {
    switch look(text, now: now) {
    case .verified(let token): return token
    case .refused(let error): throw error
    case .needs(let sets, _):
      await withDiscardingTaskGroup { group in
        for set in sets { group.addTask { await set.demandKeys() } }
      }
      switch look(text, now: now) {
      case .verified(let token): return token
      case .refused(let error), .needs(_, otherwise: let error): throw error
      }
    }
  }

  private func look(_ token: SignedToken, now: Int64) throws(TokenError) -> Look {
    guard let algorithm = TokenAlgorithm(rawValue: token.algorithm) else { throw .noKey }
    var hasKey = false
    for fixed in fixedKeys
    where fixed.key.algorithm == algorithm
      && (fixed.key.keyID == nil || fixed.key.keyID == token.keyID)
    {
      hasKey = true
      if fixed.key.verifies(token.signature, of: token.signedBytes) {
        return .verified(try fixed.rules.check(token, now: now))
      }
    }
    var lacking: [KeySet] = []
    var isUnavailable = false
    for set in keySets where set.configuration.algorithms.contains(algorithm) {
      switch set.keys(for: token, algorithm) {
      case .some(let keys):
        hasKey = true
        if keys.contains(where: { $0.verifies(token.signature, of: token.signedBytes) }) {
          return .verified(try set.rules.check(token, now: now))
        }
        // Without a key id nothing tells whether the key is wrong or was replaced.
        if token.keyID == nil { lacking.append(set) }
      case .none:
        lacking.append(set)
      case .unavailable:
        lacking.append(set)
        isUnavailable = true
      }
    }
    let error: TokenError = isUnavailable ? .keysUnavailable : hasKey ? .badSignature : .noKey
    guard !lacking.isEmpty else { throw error }
    // An issuer is not asked for the keys of another one, whatever its tokens say about it is worth.
    let issuer = try token.claims().members["iss"]
    let sets = lacking.filter { $0.rules.issuer.map { .string($0) == issuer } ?? true }
    if sets.isEmpty { throw hasKey ? .badSignature : .noKey }
    return .needs(sets, otherwise: error)
  }
}

internal import JWTKit
internal import MartletConfiguration

/// A key bound to the one algorithm that it is used with (RFC 8725 §3.1).
struct VerificationKey: Sendable {
  let algorithm: TokenAlgorithm
  let keyID: String?
  private let verifier: any JWTAlgorithm

  /// A key cannot be read, is too weak (RSA below 2,048 bits), or is for another algorithm.
  struct BadKey: Error {}

  /// - Parameter add: adds the key, for `algorithm`.
  private init(
    _ algorithm: TokenAlgorithm, keyID: String?, _ add: (JWTKeyCollection) async throws -> Void
  ) async throws {
    let collection = JWTKeyCollection()
    try await add(collection)
    verifier = try await collection.getKey()
    guard verifier.name == algorithm.rawValue else { throw BadKey() }
    self.algorithm = algorithm
    self.keyID = keyID
  }

  /// Whether `signature` is one of `bytes` by this key. Any thread; takes some microseconds.
  func verifies(_ signature: [UInt8], of bytes: ArraySlice<UInt8>) -> Bool {
    (try? verifier.verify(signature, signs: bytes)) ?? false
  }

  // MARK: From the configuration

  /// - Parameter material: a secret, or a public key in PEM.
  init(_ algorithm: TokenAlgorithm, keyID: String?, material: String) async throws {
    try await self.init(algorithm, keyID: keyID) { collection in
      switch algorithm {
      case .hs256, .hs384, .hs512:
        await collection.add(
          hmac: HMACKey(from: material), digestAlgorithm: Self.digest(algorithm))
      case .rs256, .rs384, .rs512:
        await collection.add(
          rsa: try Insecure.RSA.PublicKey(pem: material), digestAlgorithm: Self.digest(algorithm))
      case .ps256, .ps384, .ps512:
        await collection.add(
          pss: try Insecure.RSA.PublicKey(pem: material), digestAlgorithm: Self.digest(algorithm))
      case .es256: await collection.add(ecdsa: try ES256PublicKey(pem: material))
      case .es384: await collection.add(ecdsa: try ES384PublicKey(pem: material))
      case .es512: await collection.add(ecdsa: try ES512PublicKey(pem: material))
      case .edDSA: await collection.add(eddsa: try EdDSA.PublicKey(pem: material))
      }
    }
  }

  // MARK: From a key set

  /// A public key as its numbers (RFC 7518 §6, RFC 8037 §2), in base64url.
  enum Numbers {
    case rsa(modulus: String, exponent: String)
    case curve(TokenAlgorithm, x: String, y: String)
    case ed25519(x: String)
  }

  init(_ algorithm: TokenAlgorithm, keyID: String?, numbers: Numbers) async throws {
    try await self.init(algorithm, keyID: keyID) { collection in
      switch (algorithm, numbers) {
      case (.rs256, .rsa(let modulus, let exponent)), (.rs384, .rsa(let modulus, let exponent)),
        (.rs512, .rsa(let modulus, let exponent)):
        await collection.add(
          rsa: try Insecure.RSA.PublicKey(modulus: modulus, exponent: exponent),
          digestAlgorithm: Self.digest(algorithm))
      case (.ps256, .rsa(let modulus, let exponent)), (.ps384, .rsa(let modulus, let exponent)),
        (.ps512, .rsa(let modulus, let exponent)):
        await collection.add(
          pss: try Insecure.RSA.PublicKey(modulus: modulus, exponent: exponent),
          digestAlgorithm: Self.digest(algorithm))
      case (.es256, .curve(.es256, let x, let y)):
        await collection.add(ecdsa: try ES256PublicKey(parameters: (x, y)))
      case (.es384, .curve(.es384, let x, let y)):
        await collection.add(ecdsa: try ES384PublicKey(parameters: (x, y)))
      case (.es512, .curve(.es512, let x, let y)):
        await collection.add(ecdsa: try ES512PublicKey(parameters: (x, y)))
      case (.edDSA, .ed25519(let x)):
        await collection.add(eddsa: try EdDSA.PublicKey(x: x, curve: .ed25519))
      default: throw BadKey()
      }
    }
  }

  private static func digest(_ algorithm: TokenAlgorithm) -> DigestAlgorithm {
    switch algorithm {
    case .hs384, .rs384, .ps384, .es384: .sha384
    case .hs512, .rs512, .ps512, .es512: .sha512
    case .hs256, .rs256, .ps256, .es256, .edDSA: .sha256
    }
  }
}

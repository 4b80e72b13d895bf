internal import MartletCore

extension Configuration {
  /// A key that verifies tokens.
  package struct TokenKey: Sendable {
    package var algorithm: TokenAlgorithm
    /// The secret's bytes, or the public key in PEM.
    package var material: String
    /// Nil: tokens with any key id, or none.
    package var keyID: String?
    package var issuer: String?
    package var audience: String?
    /// Where it stands in the file, for errors that show only when the key is used.
    package var key: String
  }
}

extension Configuration.TokenKey {
  init(
    _ mapping: ConfigurationMapping, _ readFile: (String) -> String?
  ) throws(ConfigurationError) {
    var mapping = mapping
    let names = TokenAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
    algorithm = try mapping.required("algorithm", "one of \(names)").oneOf(TokenAlgorithm.self)
    let secret = mapping.optional("secret")
    let secretFile = mapping.optional("secret_file")
    let publicKeyFile = mapping.optional("public_key_file")
    if let minimum = algorithm.minimumSecretLength {
      switch (secret, secretFile, publicKeyFile) {
      case (let node?, nil, nil): material = try node.text()
      case (nil, let node?, nil): material = try node.secret(readFile)
      default:
        throw mapping.node.error(
          "\(algorithm.rawValue) needs either secret or secret_file, and nothing else")
      }
      guard material.utf8.count >= minimum else {
        throw (secret ?? secretFile ?? mapping.node).error(
          "the secret is \(material.utf8.count) bytes long; \(algorithm.rawValue) needs at least"
            + " \(minimum)")
      }
    } else {
      guard let node = publicKeyFile, secret == nil, secretFile == nil else {
        throw mapping.node.error("\(algorithm.rawValue) needs public_key_file, and nothing else")
      }
      material = try node.contents(readFile)
    }
    keyID = try mapping.optional("key_id")?.text()
    issuer = try mapping.optional("issuer")?.text()
    audience = try mapping.optional("audience")?.text()
    key = mapping.node.key
    try mapping.finish()
  }
}

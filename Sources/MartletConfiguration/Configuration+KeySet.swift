internal import MartletCore

extension Configuration {
  /// A set of public keys that an issuer of tokens publishes (RFC 7517).
  package struct KeySet: Sendable {
    package var url: HTTPURL
    /// What its keys may be used for, whatever it says.
    package var algorithms: [TokenAlgorithm]
    package var issuer: String?
    package var audience: String?
    /// Between two fetches.
    package var refresh = Duration.seconds(900)
    /// Of one fetch, from the first byte sent to the last one received.
    package var timeout = Duration.seconds(5)
    /// How long keys are used after the first refresh that failed.
    package var staleFor = Duration.seconds(86_400)

    package init(url: HTTPURL, algorithms: [TokenAlgorithm]) {
      self.url = url
      self.algorithms = algorithms
    }
  }
}

extension Configuration.KeySet {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    url = try mapping.secureURL("where the keys are, such as https://id.example/jwks.json")
    let names = TokenAlgorithm.asymmetric.map(\.rawValue).joined(separator: ", ")
    let node = try mapping.required("algorithms", "a list of some of \(names)")
    algorithms = try node.list().map { element throws(ConfigurationError) in
      // A secret in a published set would be none (RFC 8725 §3.2).
      try element.value(allowed: "one of \(names)") { text in
        TokenAlgorithm(rawValue: text).flatMap { $0.minimumSecretLength == nil ? $0 : nil }
      }
    }
    if algorithms.isEmpty { throw node.error("is empty; at least one of \(names) is needed") }
    issuer = try mapping.optional("issuer")?.text()
    audience = try mapping.optional("audience")?.text()
    if let node = mapping.optional("refresh") {
      refresh = try node.duration(.seconds(10)...(.seconds(7 * 86_400)))
    }
    if let node = mapping.optional("timeout") {
      timeout = try node.duration(.milliseconds(100)...(.seconds(60)))
    }
    if let node = mapping.optional("stale_for") {
      staleFor = try node.duration(.zero...(.seconds(30 * 86_400)))
    }
    try mapping.finish()
  }

  /// All sets of a list, each of which must be there once.
  static func list(_ node: ConfigurationNode) throws(ConfigurationError) -> [Self] {
    var sets: [Self] = []
    for element in try node.list() {
      let next = try Self(element.mapping())
      if let index = sets.firstIndex(where: { $0.url == next.url }) {
        throw element.error("has the same url as \(node.key)[\(index)]")
      }
      sets.append(next)
    }
    return sets
  }
}

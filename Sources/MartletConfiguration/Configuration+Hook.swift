package import MartletCore

extension Configuration {
  /// The application's back end, which is asked what clients may do.
  package struct Hook: Sendable {
    package var url: HTTPURL
    /// What it is asked about on routes that do not say.
    package var events: Set<AccessEvent> = [.connect, .join]
    /// Sent as bearer token; nil: the back end knows the gateways in another way.
    package var secret: String?
    /// Of one question, from the first byte sent to the last one received.
    package var timeout = Duration.seconds(2)
    /// Questions that are asked at once.
    package var concurrency = 32
    /// Clients that wait for an answer.
    package var queue = 1_000
    /// Answers that are kept.
    package var cacheSize = 10_000
    /// Failures in a row after which the circuit opens.
    package var circuitFailures = 5
    /// How long the circuit stays open before one question tries again.
    package var circuitOpen = Duration.seconds(5)

    package init(url: HTTPURL) {
      self.url = url
    }
  }
}

extension Configuration.Hook {
  private static let minimumSecretLength = 16

  init(
    _ mapping: ConfigurationMapping, _ readFile: (String) -> String?
  ) throws(ConfigurationError) {
    var mapping = mapping
    url = try mapping.secureURL("where to ask, such as https://app.example/martlet/access")
    if let node = mapping.optional("events") { events = try Set(node.list(of: AccessEvent.self)) }
    secret = try Self.secret(&mapping, readFile)
    if let node = mapping.optional("timeout") {
      timeout = try node.duration(.milliseconds(10)...(.seconds(60)))
    }
    if let node = mapping.optional("concurrency") { concurrency = try node.integer(1...1_000) }
    if let node = mapping.optional("queue") { queue = try node.integer(1...100_000) }
    if let node = mapping.optional("cache_size") { cacheSize = try node.integer(0...1_000_000) }
    if let node = mapping.optional("circuit_failures") {
      circuitFailures = try node.integer(1...1_000)
    }
    if let node = mapping.optional("circuit_open") {
      circuitOpen = try node.duration(.milliseconds(100)...(.seconds(600)))
    }
    try mapping.finish()
  }

  private static func secret(
    _ mapping: inout ConfigurationMapping, _ readFile: (String) -> String?
  ) throws(ConfigurationError) -> String? {
    let node: ConfigurationNode
    let secret: String
    switch (mapping.optional("secret"), mapping.optional("secret_file")) {
    case (nil, nil): return nil
    case (let text?, nil):
      node = text
      secret = try text.text()
    case (nil, let file?):
      node = file
      secret = try file.secret(readFile)
    default:
      throw mapping.node.error("needs at most one of secret and secret_file")
    }
    // The text is a secret, so that errors do not repeat it.
    guard secret.utf8.count >= minimumSecretLength else {
      throw node.error(
        "the secret is \(secret.utf8.count) bytes long; at least \(minimumSecretLength) are needed")
    }
    guard secret.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw node.error(
        "the secret has other characters than printable ASCII without spaces, which no header can"
          + " carry")
    }
    return secret
  }
}

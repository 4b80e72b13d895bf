internal import MartletCore

extension Configuration {
  /// How clients prove who they are, and who else is asked what they may do.
  package struct Auth: Sendable {
    package var tokenKeys: [TokenKey] = []
    package var keySets: [KeySet] = []
    /// Nil: nobody else is asked.
    package var hook: Hook?
    /// How far the clocks of those who sign tokens may be from ours.
    package var clockSkew = Duration.seconds(10)
    /// In bytes; longer tokens are not looked at.
    package var tokenSize = 8 << 10

    package init() {}
  }
}

extension Configuration.Auth {
  init(
    _ mapping: ConfigurationMapping, _ readFile: (String) -> String?
  ) throws(ConfigurationError) {
    var mapping = mapping
    tokenKeys =
      try mapping.optional("tokens")?.list().map { node throws(ConfigurationError) in
        try Configuration.TokenKey(node.mapping(), readFile)
      } ?? []
    keySets = try mapping.optional("jwks").map(Configuration.KeySet.list) ?? []
    hook = try mapping.optional("hook").map { node throws(ConfigurationError) in
      try Configuration.Hook(node.mapping(), readFile)
    }
    if let node = mapping.optional("clock_skew") {
      clockSkew = try node.duration(.zero...(.seconds(300)))
    }
    if let node = mapping.optional("token_size") {
      tokenSize = try node.size((1 << 10)...(64 << 10))
    }
    try mapping.finish()
  }
}

extension ConfigurationNode {
  /// The text of the file that the node names.
  func contents(_ readFile: (String) -> String?) throws(ConfigurationError) -> String {
    let path = try text()
    guard let text = readFile(path) else { throw error("cannot read the file \(path)") }
    return text
  }

  /// The same without white space around it: editors end files with a line break.
  func secret(_ readFile: (String) -> String?) throws(ConfigurationError) -> String {
    var text = try contents(readFile).drop { $0.isWhitespace }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}

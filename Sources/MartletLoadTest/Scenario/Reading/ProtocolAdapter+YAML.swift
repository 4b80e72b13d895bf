internal import MartletConfiguration

extension ProtocolAdapter {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    let publishNode = try mapping.required(
      "publish", "a message with {mark}, as text or as a mapping that becomes JSON")
    let publish = try publishNode.template(Placeholders.ofPublications)
    guard Placeholders.names(in: publish).filter({ $0 == "mark" }).count == 1 else {
      throw publishNode.error("needs {mark} exactly once: by it a delivery is known")
    }
    self.init(publish: publish)
    join = try mapping.optional("join")?.template(Placeholders.ofJoins)
    joined = try mapping.optional("joined").map { node throws(ConfigurationError) in
      try Pattern(node.mapping())
    }
    mark = try mapping.optional("mark")?.keyPath()
    acknowledgement = try mapping.optional("acknowledgement").map {
      node throws(ConfigurationError) in
      guard Placeholders.contains("ref", in: publish) else {
        throw node.error("needs {ref} in publish: by it an acknowledgement says what it is for")
      }
      return try Pattern(node.mapping())
    }
    if let node = mapping.optional("acknowledged_sequence") {
      guard acknowledgement != nil else { throw node.error("needs acknowledgement") }
      acknowledgedSequence = try node.keyPath()
    }
    if let node = mapping.optional("audience") { audience = try node.oneOf(Audience.self) }
    try mapping.finish()
  }
}

extension ProtocolAdapter.Pattern {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    self.init(
      key: try mapping.required("key", "keys from the outermost in, such as data.type").keyPath(),
      equals: try mapping.required("equals", "the text at this key").text())
    try mapping.finish()
  }
}

extension ConfigurationNode {
  /// A message with names in braces, as a text or as a value that becomes JSON.
  fileprivate func template(_ allowed: Set<String>) throws(ConfigurationError) -> String {
    let text = isMapping || isList ? try json() : try text()
    guard !text.isEmpty else { throw error("is empty; a message is expected") }
    if let problem = Placeholders.problem(in: text, allowed: allowed) { throw error(problem) }
    return text
  }

  /// `data.body`, or a list if a key has a dot in it.
  fileprivate func keyPath() throws(ConfigurationError) -> ProtocolAdapter.KeyPath {
    if isList {
      let keys = try list().map { node throws(ConfigurationError) in try node.text() }
      guard !keys.isEmpty else { throw error("is empty; at least one key is expected") }
      return keys
    }
    return try value(allowed: "keys from the outermost in, such as data.body, or a list of them") {
      text in
      let keys = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      return keys.contains("") ? nil : keys
    }
  }
}

internal import Yams

/// A mapping whose keys are asked for one by one; ``finish()`` refuses those that nobody asked for.
package struct ConfigurationMapping {
  /// The place of the mapping itself.
  package let node: ConfigurationNode
  private var values: [String: ConfigurationNode] = [:]
  private var lines: [String: ConfigurationNode] = [:]
  private var known: Set<String> = []

  init(_ node: ConfigurationNode, _ mapping: Node.Mapping) throws(ConfigurationError) {
    self.node = node
    for (keyNode, value) in mapping {
      guard let name = keyNode.string else {
        throw node.error("a key is not a text")
      }
      let key = node.key.isEmpty ? name : "\(node.key).\(name)"
      values[name] = ConfigurationNode(node: value, key: key, document: node.document)
      lines[name] = ConfigurationNode(node: keyNode, key: key, document: node.document)
    }
  }

  /// The names of all keys in alphabetical order, for mappings whose keys are the user's own.
  package var entries: [(name: String, node: ConfigurationNode)] {
    values.map { (name: $0.key, node: $0.value) }.sorted { $0.name < $1.name }
  }

  /// The value of `name`, or nil if it is absent or null.
  package mutating func optional(_ name: String) -> ConfigurationNode? {
    known.insert(name)
    guard let value = values[name] else { return nil }
    // `key:` with nothing behind it is as if it were not there, but `key: ""` is a value.
    if case .scalar(let scalar) = value.node, scalar.style == .plain,
      ["", "~", "null"].contains(scalar.string)
    {
      return nil
    }
    return value
  }

  /// The value of `name`, which must be there.
  package mutating func required(
    _ name: String, _ allowed: String
  ) throws(ConfigurationError) -> ConfigurationNode {
    guard let value = optional(name) else {
      throw missing([name], "\(name) is missing; it is \(allowed)")
    }
    return value
  }

  /// What is wrong when all of `names` are missing: a key that is one of them but for two letters, or else `problem`.
  package func missing(_ names: [String], _ problem: String) -> ConfigurationError {
    let others = lines.filter { !known.contains($0.key) }.sorted { $0.key < $1.key }
    for (other, place) in others {
      if let name = names.first(where: {
        EditDistance.between($0, other) <= min(2, $0.utf8.count / 2)
      }) {
        return place.error("is not a known key; did you mean \(name)?")
      }
    }
    return node.error(problem)
  }

  /// The mapping at `name`, empty if absent.
  package mutating func section(_ name: String) throws(ConfigurationError) -> ConfigurationMapping {
    guard let value = optional(name) else {
      let key = node.key.isEmpty ? name : "\(node.key).\(name)"
      return try ConfigurationMapping(
        ConfigurationNode(node: node.node, key: key, document: node.document), Node.Mapping([]))
    }
    return try value.mapping()
  }

  /// Refuses keys that were not asked for.
  package func finish() throws(ConfigurationError) {
    for (name, place) in lines.sorted(by: { $0.key < $1.key }) where !known.contains(name) {
      let names = known.sorted().joined(separator: ", ")
      throw place.error("is not a known key; there are \(names)")
    }
  }
}

internal import Yams

/// A YAML text with what its `${NAME}` stand for.
package struct ConfigurationDocument {
  /// Its name, for errors.
  package var file: String
  package var environment: [String: String]

  package init(file: String, environment: [String: String]) {
    self.file = file
    self.environment = environment
  }

  /// The document's top mapping.
  package func root(of yaml: String) throws(ConfigurationError) -> ConfigurationMapping {
    let node: Node?
    do {
      node = try Yams.compose(yaml: yaml)
    } catch {
      throw ConfigurationError(file: file, line: nil, key: "", problem: "not YAML: \(error)")
    }
    guard let node else {
      throw ConfigurationError(file: file, line: nil, key: "", problem: "the file is empty")
    }
    return try ConfigurationNode(node: node, key: "", document: self).mapping()
  }
}

package import MartletCore

extension Configuration {
  /// Several isolated customers on one cluster.
  package struct Tenants: Sendable {
    /// The claim of each token that names the user's tenant.
    package var claim: String
  }

  /// A bearer key of the HTTP API.
  package struct APIKey: Sendable {
    package var key: String
    /// The only tenant that the key is for; nil: the whole cluster.
    package var tenant: TenantName?
  }
}

extension Configuration.Tenants {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    let node = try mapping.required("claim", "the claim of each token that names its tenant")
    claim = try node.value(allowed: "the name of a claim, such as org") { $0.isEmpty ? nil : $0 }
    try mapping.finish()
  }
}

extension Configuration.APIKey {
  private static let minimumLength = 16

  /// - Parameter hasTenants: whether the cluster has any.
  init(_ node: ConfigurationNode, hasTenants: Bool) throws(ConfigurationError) {
    guard node.isMapping else {
      key = try Self.key(node)
      return
    }
    var mapping = try node.mapping()
    key = try Self.key(mapping.required("key", "a text of at least \(Self.minimumLength) bytes"))
    let tenantNode = try mapping.required("tenant", "the only tenant that the key is for")
    guard hasTenants else {
      throw tenantNode.error(
        "is for a cluster with tenants; there is no top-level tenants: {claim: …}")
    }
    tenant = try tenantNode.value(allowed: TenantName.rule) { TenantName($0) }
    try mapping.finish()
  }

  /// All keys of a list, each of which must be there once: two entries might be for different tenants.
  static func list(
    _ node: ConfigurationNode, hasTenants: Bool
  ) throws(ConfigurationError) -> [Self] {
    var keys: [Self] = []
    for element in try node.list() {
      let next = try Self(element, hasTenants: hasTenants)
      if let index = keys.firstIndex(where: { $0.key == next.key }) {
        throw element.error("is the same key as \(node.key)[\(index)]")
      }
      keys.append(next)
    }
    return keys
  }

  private static func key(_ node: ConfigurationNode) throws(ConfigurationError) -> String {
    let text = try node.text()
    guard text.utf8.count >= minimumLength else {
      throw node.error("is \(text.utf8.count) bytes long; at least \(minimumLength) are needed")
    }
    return text
  }
}

internal import MartletCore

/// Which identity belongs to which server name.
struct ServerNames: Equatable, Sendable {
  /// Whole names.
  private var hosts: [String: Int] = [:]
  /// What follows the first label of a name whose first label may be any.
  private var domains: [String: Int] = [:]

  /// - Parameter identities: the names of each.
  /// - Throws: ``TLSError/configuration(file:problem:)`` for what is no name, and for a name that is there twice.
  init(_ identities: [[String]]) throws(TLSError) {
    for (index, names) in identities.enumerated() {
      guard !names.isEmpty else {
        throw .configuration(problem: "a certificate beside the default one has no server names")
      }
      for name in names { try add(name, index) }
    }
  }

  private mutating func add(_ name: String, _ index: Int) throws(TLSError) {
    guard let pattern = ServerNamePattern(name) else {
      throw .configuration(
        problem: "server name '\(name)' is not allowed; allowed is \(ServerNamePattern.rule)")
    }
    let known = pattern.isWildcard ? domains[pattern.name] : hosts[pattern.name]
    guard known == nil else {
      throw .configuration(problem: "server name '\(name)' is there twice")
    }
    if pattern.isWildcard {
      domains[pattern.name] = index
    } else {
      hosts[pattern.name] = index
    }
  }

  /// The identity for a client that asks for `name`; nil: the default one. A whole name goes before a wildcard.
  func identity(for name: String) -> Int? {
    let name = ServerNamePattern.normal(name)
    if let index = hosts[name] { return index }
    guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
    return domains[String(name[name.index(after: dot)...])]
  }
}

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
    guard let pattern = Self.pattern(name) else {
      throw .configuration(problem: "server name '\(name)': \(Self.rule)")
    }
    let known = pattern.isWildcard ? domains[pattern.text] : hosts[pattern.text]
    guard known == nil else {
      throw .configuration(problem: "server name '\(name)' is there twice")
    }
    if pattern.isWildcard {
      domains[pattern.text] = index
    } else {
      hosts[pattern.text] = index
    }
  }

  /// The identity for a client that asks for `name`; nil: the default one. A whole name goes before a wildcard.
  func identity(for name: String) -> Int? {
    let name = Self.normal(name)
    if let index = hosts[name] { return index }
    guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
    return domains[String(name[name.index(after: dot)...])]
  }

  // MARK: Names

  /// What a name has to be, in words.
  static let rule =
    "allowed is a host name in ASCII such as chat.example, or *.example for any one label"

  /// Whether ``init(_:)`` takes `name`.
  static func isAllowed(_ name: String) -> Bool { pattern(name) != nil }

  private static func pattern(_ name: String) -> (text: String, isWildcard: Bool)? {
    let isWildcard = name.hasPrefix("*.")
    let host = normal(isWildcard ? String(name.dropFirst(2)) : name)
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    guard host.utf8.count <= 253, labels.allSatisfy(isLabel) else { return nil }
    return (host, isWildcard)
  }

  /// Letters, digits, hyphens, and the underscores of private networks.
  private static func isLabel(_ label: Substring) -> Bool {
    (1...63).contains(label.utf8.count)
      && label.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  /// Names differ neither by case nor by a dot at the end (RFC 6066 §3, RFC 4343).
  private static func normal(_ name: String) -> String {
    let name = name.lowercased()
    return name.hasSuffix(".") ? String(name.dropLast()) : name
  }
}

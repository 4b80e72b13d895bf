/// One gateway under test: `ws://HOST[:PORT]`, or `wss://` for TLS.
package struct Target: Sendable, Hashable, Codable {
  /// A name, an IPv4 address, or an IPv6 address without its brackets.
  package let host: String
  package let port: Int
  package let isSecure: Bool

  /// What a message about a malformed target says is allowed.
  package static let form =
    "ws://HOST or ws://HOST:PORT, wss:// for TLS, several separated by commas"

  package init(host: String, port: Int, isSecure: Bool = false) {
    self.host = host
    self.port = port
    self.isSecure = isSecure
  }

  /// The target as the command line spells it.
  package var text: String { "\(isSecure ? "wss" : "ws")://\(authority)" }

  /// The value of the `Host` header.
  package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Parses a comma separated list.
  ///
  /// - Throws: `SettingsError` for the first target that is malformed.
  package static func parseList(_ text: String) throws(SettingsError) -> [Target] {
    var targets: [Target] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      try targets.append(parse(String(part)))
    }
    return targets
  }

  /// Parses one target.
  ///
  /// - Throws: `SettingsError` when it is malformed.
  package static func parse(_ text: String) throws(SettingsError) -> Target {
    func refusal(_ allowed: String = form) -> SettingsError {
      SettingsError(option: "--target", value: text, allowed: allowed)
    }
    let isSecure = text.hasPrefix("wss://")
    guard isSecure || text.hasPrefix("ws://") else { throw refusal() }
    var rest = text.dropFirst((isSecure ? "wss://" : "ws://").count)
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    guard !rest.contains("/"), !rest.contains("?") else {
      throw refusal("\(form); the path is set by --path")
    }

    let host: Substring
    var portText: Substring?
    if rest.hasPrefix("[") {
      guard let end = rest.firstIndex(of: "]") else { throw refusal() }
      host = rest[rest.index(after: rest.startIndex)..<end]
      let tail = rest[rest.index(after: end)...]
      guard tail.isEmpty || tail.hasPrefix(":") else { throw refusal() }
      portText = tail.isEmpty ? nil : tail.dropFirst()
    } else {
      let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2 else { throw refusal("\(form); IPv6 addresses stand in brackets") }
      host = parts.first ?? ""
      portText = parts.count == 2 ? parts[1] : nil
    }
    guard !host.isEmpty, host.utf8.allSatisfy(isHostByte) else { throw refusal() }
    guard let portText else {
      return Target(host: String(host), port: isSecure ? 443 : 80, isSecure: isSecure)
    }
    guard let port = UInt16(portText), port > 0 else {
      throw refusal("\(form), PORT from 1 to 65535")
    }
    return Target(host: String(host), port: Int(port), isSecure: isSecure)
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true  // 0-9 A-Z a-z
    case 0x2D, 0x2E, 0x3A, 0x5F: true  // - . : _
    default: false
    }
  }
}

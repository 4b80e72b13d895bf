package import MartletCore

/// An absolute `http://` or `https://` address without user, password and fragment (RFC 9110 §4.2).
package struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
  package let text: String
  package let isEncrypted: Bool
  package let address: HostAndPort

  /// What an error about another text says is allowed.
  package static let form = "https://HOST[:PORT]/PATH"

  /// Nil unless `text` is such an address in printable ASCII.
  package init?(_ text: String) {
    // A fragment is not sent; a backslash is a slash to some readers and not to others.
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
      !text.contains(where: { ["#", "\\", "\"", "<", ">", "`", "{", "}", "|", "^"].contains($0) }),
      let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://")
    else { return nil }
    switch text[..<colon].lowercased() {
    case "https": isEncrypted = true
    case "http": isEncrypted = false
    default: return nil
    }
    let rest = text[text.index(colon, offsetBy: 3)...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    guard !authority.contains("@"),
      let address = HostAndPort(String(authority), defaultPort: isEncrypted ? 443 : 80),
      address.port > 0
    else { return nil }
    self.text = text
    self.address = address
  }

  /// Whether requests to it stay on this machine.
  package var isLoopback: Bool {
    let host = address.host.lowercased()
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127"
      && parts.allSatisfy { part in
        UInt8(part) != nil && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
      }
  }

  package var description: String { text }
}

extension ConfigurationMapping {
  /// The URL at `url`, which has to be encrypted unless it stays on this machine or `insecure` says so.
  mutating func secureURL(_ allowed: String) throws(ConfigurationError) -> HTTPURL {
    let node = try required("url", allowed)
    let url = try node.value(allowed: HTTPURL.form) { HTTPURL($0) }
    let isInsecure = try optional("insecure")?.boolean() ?? false
    guard url.isEncrypted || url.isLoopback || isInsecure else {
      throw node.error(
        "\"\(url)\" is not encrypted: whoever is on the way decides who may do what; allowed is"
          + " https://, http:// to this machine, or insecure: true beside it")
    }
    return url
  }
}

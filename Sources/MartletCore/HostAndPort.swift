/// `host:port`, with IPv6 hosts in brackets.
package struct HostAndPort: Hashable, Sendable, CustomStringConvertible {
  /// Without brackets.
  package var host: String
  package var port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Nil unless the host is not empty and the port is 0 to 65,535; without a default port it must be given.
  package init?(_ text: String, defaultPort: Int? = nil) {
    var hostText = Substring(text)
    var portText: Substring?
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else { return nil }
      hostText = text[text.index(after: text.startIndex)..<close]
      let rest = text[text.index(after: close)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
      portText = rest.isEmpty ? nil : rest.dropFirst()
    } else if let colon = text.firstIndex(of: ":") {
      hostText = text[..<colon]
      portText = text[text.index(after: colon)...]
    }
    guard !hostText.isEmpty, let port = portText.map({ Int($0) ?? -1 }) ?? defaultPort,
      (0...65535).contains(port)
    else { return nil }
    self.init(host: String(hostText), port: port)
  }

  package var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}

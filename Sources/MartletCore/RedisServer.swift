/// Where a Redis is and how to sign in to it.
package struct RedisServer: Hashable, Sendable, CustomStringConvertible {
  package var host: String
  package var port: Int
  package var username: String?
  package var password: String?
  package var database: Int
  package var usesTLS: Bool

  package init(
    host: String, port: Int, username: String? = nil, password: String? = nil, database: Int = 0,
    usesTLS: Bool = false
  ) {
    self.usesTLS = usesTLS
    self.host = host
    self.port = port
    self.username = username
    self.password = password
    self.database = database
  }

  /// Reads `redis[s]://[[user]:password@]host[:port][/database]`, with `rediss` for TLS; nil if it is not
  /// of that form.
  package init?(url: String) {
    guard let scheme = ["redis://", "rediss://"].first(where: { url.hasPrefix($0) }) else {
      return nil
    }
    usesTLS = scheme == "rediss://"
    var rest = url.dropFirst(scheme.count)
    if let at = rest.lastIndex(of: "@") {
      let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      username = parts[0].isEmpty ? nil : String(parts[0])
      password = String(parts[1])
      rest = rest[rest.index(after: at)...]
    }
    database = 0
    if let slash = rest.firstIndex(of: "/") {
      let text = rest[rest.index(after: slash)...]
      guard text.isEmpty || Int(text).map({ (0..<1024).contains($0) }) == true else { return nil }
      database = Int(text) ?? 0
      rest = rest[..<slash]
    }
    guard let address = HostAndPort(String(rest), defaultPort: 6379), address.port > 0 else {
      return nil
    }
    host = address.host
    port = address.port
  }

  /// The same account on another node of its cluster.
  package func node(at address: HostAndPort) -> RedisServer {
    var server = self
    server.host = address.host
    server.port = address.port
    return server
  }

  package var address: HostAndPort { HostAndPort(host: host, port: port) }

  /// Host, port and database: never the credentials.
  package var description: String {
    database == 0 ? "\(address)" : "\(address)/\(database)"
  }
}

/// One place where keys live: a single Redis, or a Redis Cluster.
package enum RedisSite: Hashable, Sendable, CustomStringConvertible {
  case server(RedisServer)
  /// Any nodes of the cluster that are likely to be there at start; all have the same account.
  case cluster(seeds: [RedisServer])

  package var isCluster: Bool {
    if case .cluster = self { true } else { false }
  }

  /// The account, and the settings of the connection, that all of its nodes have.
  package var account: RedisServer {
    switch self {
    case .server(let server): server
    case .cluster(let seeds): seeds[0]
    }
  }

  /// Never the credentials.
  package var description: String {
    switch self {
    case .server(let server): "\(server)"
    case .cluster(let seeds): "cluster of " + seeds.map { "\($0)" }.joined(separator: ", ")
    }
  }
}

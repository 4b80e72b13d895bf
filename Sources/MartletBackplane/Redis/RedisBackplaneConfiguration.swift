package import MartletCore
package import MartletRedis
package import MartletTLS
package import NIOCore

/// How a ``RedisBackplane`` uses its servers.
package struct RedisBackplaneConfiguration: Sendable {
  /// Shards are dealt over these in order. A Redis Cluster is one site.
  package var sites: [RedisSite]
  /// For servers that are spoken to over TLS.
  package var tls: TLSContext?
  package var keyspace: RedisKeyspace
  /// Names this process in probes and in `CLIENT LIST`.
  package var node: String
  package var idempotencyWindow: Duration
  /// A publish without an answer for this long fails, and the connection is given up.
  package var publishTimeout: TimeAmount
  /// How long a publish waits for a server that can take it, before it fails.
  package var publishWait: TimeAmount
  /// Entries kept in a shard stream for readers that fall behind.
  package var shardStreamLength: Int
  /// The longest that a busy reader waits for more; see ``LingerPolicy``.
  package var linger: TimeAmount
  /// Between two probes of each shard.
  package var probeInterval: TimeAmount = .seconds(1)
  /// A reader to which no probe has come for so long is made anew.
  package var deafnessPatience: TimeAmount = .seconds(10)
  /// Between two looks whether a cursor still fits its stream, and servers are masters still.
  package var checkInterval: TimeAmount = .seconds(1)
  /// How long a group's position is kept after its history has ended.
  package var positionLifetime: Duration = .seconds(24 * 3600)

  package init(
    sites: [RedisSite], tls: TLSContext? = nil, keyspace: RedisKeyspace, node: String,
    idempotencyWindow: Duration = .seconds(300), publishTimeout: TimeAmount = .seconds(5),
    publishWait: TimeAmount = .seconds(1), shardStreamLength: Int = 10_000,
    linger: TimeAmount = .milliseconds(5)
  ) {
    precondition(!sites.isEmpty)
    self.sites = sites
    self.tls = tls
    self.keyspace = keyspace
    self.node = node
    self.idempotencyWindow = idempotencyWindow
    self.publishTimeout = publishTimeout
    self.publishWait = publishWait
    self.shardStreamLength = shardStreamLength
    self.linger = linger
  }

  /// The index of the site that holds `shard`.
  package func site(ofShard shard: Int) -> Int {
    shard % sites.count
  }

  /// The shards of a site.
  package func shards(ofSite site: Int) -> [Int] {
    (0..<keyspace.shards.count).filter { self.site(ofShard: $0) == site }
  }

  /// What every client of a site has in common.
  ///
  /// - Parameter role: what the client is for, as `CLIENT LIST` shows it.
  package func client(ofSite site: Int, role: String) -> RedisClient.Configuration {
    var client = RedisClient.Configuration(
      site: sites[site], name: "martlet-\(node)-\(role)", replyTimeout: publishTimeout)
    client.tls = tls
    client.checkInterval = checkInterval
    client.keys = shards(ofSite: site).map { keyspace.stream($0) }
    return client
  }
}

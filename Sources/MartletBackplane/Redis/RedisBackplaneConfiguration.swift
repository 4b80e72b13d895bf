package import MartletCore
package import NIOCore

/// How a ``RedisBackplane`` uses its servers.
package struct RedisBackplaneConfiguration: Sendable {
  /// Shards are dealt over these in order.
  package var servers: [RedisServer]
  package var keyspace: RedisKeyspace
  /// Names this process in probes and in `CLIENT LIST`.
  package var node: String
  package var idempotencyWindow: Duration
  /// A publish without an answer for this long fails, and the connection is given up.
  package var publishTimeout: TimeAmount
  /// Entries kept in a shard stream for readers that fall behind.
  package var shardStreamLength: Int
  /// Between two probes of each shard.
  package var probeInterval: TimeAmount = .seconds(1)
  /// How long a group's position is kept after its history has ended.
  package var positionLifetime: Duration = .seconds(24 * 3600)

  package init(
    servers: [RedisServer], keyspace: RedisKeyspace, node: String,
    idempotencyWindow: Duration = .seconds(300), publishTimeout: TimeAmount = .seconds(5),
    shardStreamLength: Int = 10_000
  ) {
    precondition(!servers.isEmpty)
    self.servers = servers
    self.keyspace = keyspace
    self.node = node
    self.idempotencyWindow = idempotencyWindow
    self.publishTimeout = publishTimeout
    self.shardStreamLength = shardStreamLength
  }

  /// The index of the server that holds `shard`.
  package func server(ofShard shard: Int) -> Int {
    shard % servers.count
  }

  /// The shards of a server.
  package func shards(ofServer server: Int) -> [Int] {
    (0..<keyspace.shards.count).filter { self.server(ofShard: $0) == server }
  }
}

package import MartletBackplane
package import MartletConfiguration
internal import MartletCore
package import MartletPresence
internal import NIOCore

extension RedisBackplaneConfiguration {
  /// What the file's `backplane` says.
  ///
  /// - Parameter node: names this process.
  package init(_ settings: Configuration.Backplane, node: String) {
    self.init(
      servers: settings.servers,
      keyspace: RedisKeyspace(
        prefix: settings.prefix, shards: ShardMap(count: settings.shards)),
      node: node,
      idempotencyWindow: settings.idempotencyWindow,
      publishTimeout: TimeAmount(settings.publishTimeout),
      shardStreamLength: settings.shardStreamLength)
  }
}

extension RedisPresenceConfiguration {
  /// What the file's `backplane` and `presence` say.
  ///
  /// - Parameter node: names this process.
  package init(_ configuration: Configuration, node: String) {
    self.init(
      backplane: RedisBackplaneConfiguration(configuration.backplane, node: node),
      grace: configuration.presence.grace, lease: configuration.presence.lease,
      reportInterval: configuration.presence.reportInterval)
  }
}

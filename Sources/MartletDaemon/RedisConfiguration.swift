package import MartletBackplane
package import MartletConfiguration
internal import MartletCore
package import MartletPresence
internal import MartletTLS
internal import NIOCore

extension RedisBackplaneConfiguration {
  /// What the file's `backplane` says.
  ///
  /// - Parameter node: names this process.
  /// - Throws: `TLSError` when a file of `backplane.redis.tls` cannot be used.
  package init(_ settings: Configuration.Backplane, node: String) throws {
    self.init(
      sites: settings.sites,
      tls: try settings.usesTLS ? TLSContext.client(TLSClientConfiguration(settings.tls)) : nil,
      keyspace: RedisKeyspace(
        prefix: settings.prefix, shards: ShardMap(count: settings.shards)),
      node: node,
      idempotencyWindow: settings.idempotencyWindow,
      publishTimeout: TimeAmount(settings.publishTimeout),
      publishWait: TimeAmount(settings.publishWait),
      shardStreamLength: settings.shardStreamLength,
      linger: TimeAmount(settings.linger))
  }
}

extension TLSClientConfiguration {
  fileprivate init(_ settings: Configuration.Backplane.TLS) {
    self.init()
    certificateAuthorityFile = settings.authorityFile
    certificateFile = settings.certificateFile
    privateKeyFile = settings.privateKeyFile
  }
}

extension RedisPresenceConfiguration {
  /// What the file's `backplane` and `presence` say.
  ///
  /// - Parameter node: names this process.
  package init(_ configuration: Configuration, node: String) throws {
    self.init(
      backplane: try RedisBackplaneConfiguration(configuration.backplane, node: node),
      rules: PresenceRules(configuration.presence), lease: configuration.presence.lease,
      reportInterval: configuration.presence.reportInterval)
  }
}

extension PresenceRules {
  /// What the file's `presence` says about users and groups.
  package init(_ settings: Configuration.Presence) {
    self.init()
    grace = settings.grace
    drainGrace = settings.drainGrace
    batch = settings.batch
    cap = settings.cap
    awayAfter = settings.awayAfter
    remember = settings.remember
  }
}

internal import Logging
internal import MartletBackplane
internal import MartletConfiguration
internal import MartletCore
internal import MartletDaemon
internal import MartletPresence
internal import NIOCore

/// What connects a gateway to the others: chosen by the configuration, embedded or Redis.
struct ClusterLinks {
  let backplane: any Backplane
  let presence: any Presence
  let userQuota: any UserQuota

  init(
    _ configuration: Configuration, incarnation: String, loops: [any EventLoop], logger: Logger,
    onFatal: @escaping @Sendable (any Error) -> Void
  ) throws {
    let settings = configuration.backplane
    let shards = ShardMap(count: settings.shards)
    switch settings.kind {
    case .memory:
      backplane = InMemoryBackplane(
        shards: shards, eventLoops: loops, idempotencyWindow: settings.idempotencyWindow)
      userQuota = InMemoryUserQuota(on: loops[0])
      presence = EmbeddedPresence(
        backplane: backplane, rules: PresenceRules(configuration.presence))
    case .redis:
      let redis = RedisBackplane(
        try RedisBackplaneConfiguration(settings, node: incarnation),
        eventLoops: loops, logger: logger, onMismatch: onFatal)
      backplane = redis
      userQuota = redis.userQuota
      presence = RedisPresence(
        try RedisPresenceConfiguration(configuration, node: incarnation),
        eventLoops: loops, logger: logger)
    }
  }
}

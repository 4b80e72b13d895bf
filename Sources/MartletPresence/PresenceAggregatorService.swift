package import Logging
internal import MartletBackplane
internal import MartletRedis
package import NIOCore

/// The presence daemon: owns a fair share of the shards, turns the gateways' reports into members and diffs,
/// and takes over what another daemon leaves behind.
///
/// Run two or more. Shards are owned by leases with fencing tokens; a daemon that was killed is replaced within
/// the ownership lease and a second, one that stops hands over at once. All methods may be called on any thread.
package final class PresenceAggregatorService: Sendable {
  private let configuration: RedisPresenceConfiguration
  private let eventLoop: any EventLoop
  private let core: NIOLoopBoundBox<AggregatorCore>

  /// - Parameter eventLoop: of all connections and shards.
  package init(
    _ configuration: RedisPresenceConfiguration, eventLoop: any EventLoop, logger: Logger
  ) {
    self.configuration = configuration
    self.eventLoop = eventLoop
    self.core = NIOLoopBoundBox.makeBoxSendingValue(
      AggregatorCore(configuration, eventLoop: eventLoop, logger: logger), eventLoop: eventLoop)
  }

  /// Begins to connect and to take shards. Call once. Returns at once.
  package func start() {
    eventLoop.execute { self.core.value.start() }
  }

  /// Commits what is under way, hands the shards over and closes connections. Never fails.
  package func stop() -> EventLoopFuture<Void> {
    eventLoop.flatSubmit { self.core.value.stop() }
  }

  /// Whether all servers can be reached and all owned shards are served. Empty: ready. Otherwise sentences.
  package func unreadiness() -> EventLoopFuture<[String]> {
    eventLoop.submit { self.core.value.unreadiness() }
  }

  /// What this daemon does.
  package func statistics() -> EventLoopFuture<PresenceStatistics> {
    eventLoop.submit { self.core.value.statistics() }
  }
}

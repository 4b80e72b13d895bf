package import Logging
internal import MartletBackplane
package import MartletCore
internal import MartletRedis
package import NIOCore

/// The gateway's side of a cluster's presence: reports go to the streams of the shards, where the
/// aggregators read them; members are read where the aggregators persist them.
package final class RedisPresence: Presence {
  private let configuration: RedisPresenceConfiguration
  private let reporters: [NIOLoopBoundBox<PresenceReporter>]
  private let clients: [RedisClient]

  /// - Parameter eventLoops: sites are dealt over them.
  package init(
    _ configuration: RedisPresenceConfiguration, eventLoops: [any EventLoop], logger: Logger
  ) {
    precondition(!eventLoops.isEmpty)
    self.configuration = configuration
    let backplane = configuration.backplane
    let gateway = Incarnation.random(of: backplane.node)
    let reporters = backplane.sites.indices.map { site in
      NIOLoopBoundBox.makeBoxSendingValue(
        PresenceReporter(
          configuration, gateway: gateway, shards: backplane.shards(ofSite: site),
          logger: logger),
        eventLoop: eventLoops[site % eventLoops.count])
    }
    self.reporters = reporters
    self.clients = reporters.enumerated().map { site, reporter in
      var settings = backplane.client(ofSite: site, role: "presence")
      settings.patience = RedisPresenceConfiguration.patience
      return RedisClient(
        settings, on: reporter.eventLoop, logger: logger,
        onConnect: { reporter.value.connected() },
        onDisconnect: { reporter.value.disconnected() })
    }
  }

  package func start() {
    for (reporter, client) in zip(reporters, clients) {
      reporter.eventLoop.execute { reporter.value.start(client) }
    }
  }

  package func join(_ session: PresenceSession) {
    let (reporter, shard) = place(of: session.group)
    reporter.eventLoop.execute { reporter.value.join(session, shard: shard) }
  }

  package func leave(group: GroupName, connectionID: String) {
    let (reporter, shard) = place(of: group)
    reporter.eventLoop.execute {
      reporter.value.leave(group: group, connectionID: connectionID, shard: shard)
    }
  }

  package func members(of group: GroupName) -> EventLoopFuture<[PresenceMember]> {
    let (reporter, shard) = place(of: group)
    let loop = reporter.eventLoop
    return loop.flatSubmit {
      reporter.value.members(of: group, shard: shard)
        ?? loop.makeFailedFuture(RedisError.unavailable("not started"))
    }
  }

  package func stop() -> EventLoopFuture<Void> {
    let ends = reporters.map { reporter in
      reporter.eventLoop.flatSubmit {
        reporter.value.stop() ?? reporter.eventLoop.makeSucceededVoidFuture()
      }
    }
    return EventLoopFuture.andAllComplete(ends, on: reporters[0].eventLoop)
  }

  package func unreadiness() -> EventLoopFuture<[String]> {
    EventLoopFuture.reduce(
      into: [], clients.map { $0.unreadiness() }, on: reporters[0].eventLoop
    ) { $0 += $1 }
  }

  private func place(of group: GroupName) -> (NIOLoopBoundBox<PresenceReporter>, shard: Int) {
    let backplane = configuration.backplane
    let shard = backplane.keyspace.shards.shard(of: group)
    return (reporters[backplane.site(ofShard: shard)], shard)
  }
}

/// One life of a process: what another life wrote is not taken for its own.
enum Incarnation {
  /// The node's name and a random part; without spaces, which separate words in records.
  static func random(of node: String) -> String {
    var random = SystemRandomNumberGenerator()
    let name = String(node.map { $0.isWhitespace ? "_" : $0 })
    return "\(name)-\(Epoch.random(using: &random))"
  }
}

package import Logging
internal import MartletBackplane
package import MartletCore
internal import MartletRedis
package import NIOCore

/// The gateway's side of a cluster's presence: reports go to the streams of the shards, where the
/// aggregators read them; questions are answered from what the aggregators persist.
package final class RedisPresence: Presence {
  private let configuration: RedisPresenceConfiguration
  private let reporters: [NIOLoopBoundBox<PresenceReporter>]
  private let readers: [NIOLoopBoundBox<PresenceReader>]
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
    let clients = reporters.enumerated().map { site, reporter in
      var settings = backplane.client(ofSite: site, role: "presence")
      settings.patience = RedisPresenceConfiguration.patience
      return RedisClient(
        settings, on: reporter.eventLoop, logger: logger,
        onConnect: { reporter.value.connected() },
        onDisconnect: { reporter.value.disconnected() })
    }
    self.reporters = reporters
    self.clients = clients
    self.readers = reporters.map { reporter in
      NIOLoopBoundBox.makeBoxSendingValue(
        PresenceReader(
          backplane.keyspace, on: reporter.eventLoop,
          clientOfShard: { clients[backplane.site(ofShard: $0)] }),
        eventLoop: reporter.eventLoop)
    }
  }

  // MARK: Life

  package func start() {
    for (reporter, client) in zip(reporters, clients) {
      reporter.eventLoop.execute { reporter.value.start(client) }
    }
  }

  package func beginDrain() {
    for reporter in reporters { reporter.eventLoop.execute { reporter.value.drain() } }
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

  // MARK: Reports

  package func join(_ session: PresenceSession) {
    forEachShard(of: session) { $0.join(session, shard: $1) }
  }

  package func leave(_ session: PresenceSession) {
    let membership = Membership(session)
    forEachShard(of: session) { $0.leave(membership, shard: $1) }
  }

  package func seen(_ session: PresenceSession, age: Duration) {
    let membership = Membership(session)
    let milliseconds = TimeAmount(age).nanoseconds / 1_000_000
    forEachShard(of: session) { $0.seen(membership, age: milliseconds, shard: $1) }
  }

  /// The shard of the group, and that of the user's home.
  private func forEachShard(
    of session: PresenceSession, _ body: @escaping @Sendable (PresenceReporter, Int) -> Void
  ) {
    let shards = configuration.backplane.keyspace.shards
    let group = shards.shard(of: session.group)
    for shard in Set([group, session.home.map { shards.home(of: $0.key) } ?? group]) {
      let reporter = reporters[configuration.backplane.site(ofShard: shard)]
      reporter.eventLoop.execute { body(reporter.value, shard) }
    }
  }

  package func choose(_ status: UserStatus, for user: HomeUser) -> EventLoopFuture<Void> {
    let keyspace = configuration.backplane.keyspace
    let home = keyspace.shards.home(of: user.key)
    return clients[configuration.backplane.site(ofShard: home)].evaluate(
      PresenceScripts.report, keys: [keyspace.reports(home)],
      arguments: [
        .number(Int64(configuration.maximumReports)), "-", "0", "c",
        .text(PresenceText.encode(status, user)),
      ]
    ).flatMapThrowing { reply in
      guard reply.number == 1 else { throw PresenceUnavailable() }
    }
  }

  // MARK: Questions

  package func members(
    of group: GroupName, page: MemberPage.Request
  ) -> EventLoopFuture<MemberPage> {
    let shard = configuration.backplane.keyspace.shards.shard(of: group)
    let reader = readers[configuration.backplane.site(ofShard: shard)]
    return reader.eventLoop.flatSubmit { reader.value.members(of: group, page: page) }
  }

  package func counts(of groups: [GroupName]) -> EventLoopFuture<[Int]> {
    let reader = readers[0]
    return reader.eventLoop.flatSubmit { reader.value.counts(of: groups) }
  }

  package func users(_ users: [UserKey]) -> EventLoopFuture<[UserPresence]> {
    let reader = readers[0]
    return reader.eventLoop.flatSubmit { reader.value.users(users) }
  }
}

/// Too many reports wait for an aggregator.
struct PresenceUnavailable: Error, CustomStringConvertible {
  var description: String { "no presence daemon takes reports" }
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

package import MartletBackplane
package import MartletCore
internal import MartletProtocol
package import NIOCore

/// The embedded default: the aggregator runs inside the one gateway, on the backplane's loops.
package final class EmbeddedPresence: Presence {
  /// A shard of this process. Confined to its event loop.
  private final class Shard {
    let aggregator: ShardAggregator
    private var sequence: UInt64 = 0

    init(_ aggregator: ShardAggregator) {
      self.aggregator = aggregator
    }

    func report(_ operation: PresenceReport.Operation) {
      sequence += 1
      let report = PresenceReport(
        gateway: "embedded", sequence: sequence, body: .operations([operation]))
      _ = aggregator.apply([report])
    }
  }

  private let map: ShardMap
  private let shards: [NIOLoopBoundBox<Shard>]

  /// - Parameters:
  ///   - backplane: diffs are published into it.
  ///   - grace: between a user's last connection and `user_left`.
  package init(backplane: any Backplane, grace: Duration) {
    self.map = backplane.shards
    self.shards = (0..<backplane.shards.count).map { shard in
      let loop = backplane.eventLoop(ofShard: shard)
      let aggregator = ShardAggregator(
        PresenceState(grace: grace), store: EmbeddedPresenceStore(backplane, on: loop), on: loop)
      return NIOLoopBoundBox.makeBoxSendingValue(Shard(aggregator), eventLoop: loop)
    }
  }

  package func start() {}

  package func join(_ session: PresenceSession) {
    on(session.group) { $0.report(.join(session)) }
  }

  package func leave(group: GroupName, connectionID: String) {
    on(group) { $0.report(.leave(group: group, connectionID: connectionID)) }
  }

  package func members(of group: GroupName) -> EventLoopFuture<[PresenceMember]> {
    let shard = shards[map.shard(of: group)]
    return shard.eventLoop.submit { shard.value.aggregator.state.members(of: group) }
  }

  /// Nothing outlives the process, and nobody is left to be told.
  package func stop() -> EventLoopFuture<Void> {
    let ends = shards.map { shard in
      shard.eventLoop.flatSubmit { shard.value.aggregator.end() }
    }
    return EventLoopFuture.andAllComplete(ends, on: shards[0].eventLoop)
  }

  package func unreadiness() -> EventLoopFuture<[String]> {
    shards[0].eventLoop.makeSucceededFuture([])
  }

  private func on(_ group: GroupName, _ body: @escaping @Sendable (Shard) -> Void) {
    let shard = shards[map.shard(of: group)]
    shard.eventLoop.execute { body(shard.value) }
  }
}

/// Announces; there is nothing to persist.
private final class EmbeddedPresenceStore: PresenceStore {
  private let backplane: any Backplane
  private let eventLoop: any EventLoop

  init(_ backplane: any Backplane, on eventLoop: any EventLoop) {
    self.backplane = backplane
    self.eventLoop = eventLoop
  }

  func commit(_ changes: [PresenceChange], cursor: String?) -> EventLoopFuture<Void> {
    for change in changes {
      guard let diff = change.announcement else { continue }
      // A diff that the backplane loses is lost, like every ephemeral event.
      _ = backplane.publish(
        PublishRequest(
          group: diff.group, event: ByteBuffer(string: diff.event), kind: .ephemeral))
    }
    return eventLoop.makeSucceededVoidFuture()
  }
}

extension PresenceDiff {
  /// The event that the group receives.
  var event: String {
    switch kind {
    case .joined: ServerFrame.userJoined(user)
    case .left: ServerFrame.userLeft(user)
    }
  }
}

package import MartletBackplane
package import MartletCore
package import NIOCore

/// The embedded default: the aggregator runs inside the one gateway, on the backplane's loops.
package final class EmbeddedPresence: Presence {
  private let map: ShardMap
  private let shards: [NIOLoopBoundBox<EmbeddedShard>]

  /// - Parameter backplane: diffs are published into it.
  package init(backplane: any Backplane, rules: PresenceRules) {
    self.map = backplane.shards
    self.shards = (0..<backplane.shards.count).map { shard in
      let loop = backplane.eventLoop(ofShard: shard)
      return NIOLoopBoundBox.makeBoxSendingValue(
        EmbeddedShard(shard, of: backplane, rules: rules, on: loop), eventLoop: loop)
    }
    // Notices go from the shard of a user to that of a group.
    for shard in shards {
      let shards = shards
      shard.eventLoop.execute { shard.value.connect(to: shards) }
    }
  }

  package func start() {}

  package func beginDrain() {}

  /// Nothing outlives the process, and nobody is left to be told.
  package func stop() -> EventLoopFuture<Void> {
    let ends = shards.map { shard in
      shard.eventLoop.flatSubmit { shard.value.end() }
    }
    return EventLoopFuture.andAllComplete(ends, on: shards[0].eventLoop)
  }

  package func unreadiness() -> EventLoopFuture<[String]> {
    shards[0].eventLoop.makeSucceededFuture([])
  }

  // MARK: Reports

  package func join(_ session: PresenceSession) {
    forEachShard(of: session) { $0.join(session) }
  }

  package func leave(_ session: PresenceSession) {
    forEachShard(of: session) { $0.leave(session) }
  }

  package func seen(_ session: PresenceSession, age: Duration) {
    let milliseconds = TimeAmount(age).nanoseconds / 1_000_000
    forEachShard(of: session) { $0.report(.seen(Membership(session), age: milliseconds)) }
  }

  package func choose(_ status: UserStatus, for user: HomeUser) -> EventLoopFuture<Void> {
    let shard = shards[map.home(of: user.key)]
    return shard.eventLoop.flatSubmit { shard.value.choose(status, for: user) }
  }

  /// The shard of the group, and that of the user's home.
  private func forEachShard(
    of session: PresenceSession, _ body: @escaping @Sendable (EmbeddedShard) -> Void
  ) {
    let group = map.shard(of: session.group)
    for number in Set([group, session.home.map { map.home(of: $0.key) } ?? group]) {
      let shard = shards[number]
      shard.eventLoop.execute { body(shard.value) }
    }
  }

  // MARK: Questions

  package func members(
    of group: GroupName, page: MemberPage.Request
  ) -> EventLoopFuture<MemberPage> {
    let shard = shards[map.shard(of: group)]
    return shard.eventLoop.submit { shard.value.members(of: group, page: page) }
  }

  package func counts(of groups: [GroupName]) -> EventLoopFuture<[Int]> {
    EventLoopFuture.whenAllSucceed(
      groups.map { group in
        let shard = shards[map.shard(of: group)]
        return shard.eventLoop.submit { shard.value.count(of: group) }
      }, on: shards[0].eventLoop)
  }

  package func users(_ users: [UserKey]) -> EventLoopFuture<[UserPresence]> {
    EventLoopFuture.whenAllSucceed(
      users.map { user in
        let shard = shards[map.home(of: user)]
        return shard.eventLoop.submit { shard.value.presence(of: user) }
      }, on: shards[0].eventLoop)
  }
}

package import MartletCore
package import NIOCore

/// The embedded default: one process, nothing outlives it.
///
/// Each shard is confined to one event loop; the deliveries of one turn of that loop go out together.
package final class InMemoryBackplane: Backplane {
  package let shards: ShardMap
  private let stores: [NIOLoopBoundBox<InMemoryShard>]

  /// - Parameters:
  ///   - eventLoops: shards are dealt over them.
  ///   - idempotencyWindow: how long a repeated idempotency id is recognised.
  package init(
    shards: ShardMap, eventLoops: [any EventLoop], idempotencyWindow: Duration = .seconds(300)
  ) {
    precondition(!eventLoops.isEmpty)
    self.shards = shards
    self.stores = (0..<shards.count).map { shard in
      let loop = eventLoops[shard % eventLoops.count]
      return NIOLoopBoundBox.makeBoxSendingValue(
        InMemoryShard(index: shard, eventLoop: loop, idempotencyWindow: idempotencyWindow),
        eventLoop: loop)
    }
  }

  package func eventLoop(ofShard shard: Int) -> any EventLoop {
    stores[shard].eventLoop
  }

  package func start(delivering subscriber: any BackplaneSubscriber) {
    for store in stores {
      store.eventLoop.execute { store.value.subscriber = subscriber }
    }
  }

  package func stop() -> EventLoopFuture<Void> {
    let done = stores.map { store in
      store.eventLoop.submit { store.value.subscriber = nil }
    }
    return EventLoopFuture.andAllSucceed(done, on: stores[0].eventLoop)
  }

  package func publish(_ request: PublishRequest) -> EventLoopFuture<PublishOutcome> {
    on(request.group) { $0.publish(request, now: .now()) }
  }

  package func recover(
    _ group: GroupName, since: Position?, within budget: RecoveryBudget
  ) -> EventLoopFuture<Recovery> {
    on(group) { $0.recover(group, since: since, within: budget, now: .now()) }
  }

  package func history(
    _ group: GroupName, before: UInt64?, limit: Int
  ) -> EventLoopFuture<HistoryPage> {
    on(group) { $0.history(group, before: before, limit: limit, now: .now()) }
  }

  package func unreadiness() -> EventLoopFuture<[String]> {
    stores[0].eventLoop.makeSucceededFuture([])
  }

  package func statistics() -> EventLoopFuture<BackplaneStatistics> {
    stores[0].eventLoop.makeSucceededFuture(BackplaneStatistics())
  }

  private func on<Answer: Sendable>(
    _ group: GroupName, _ body: @escaping @Sendable (InMemoryShard) -> Answer
  ) -> EventLoopFuture<Answer> {
    let store = stores[shards.shard(of: group)]
    return store.eventLoop.submit { body(store.value) }
  }
}

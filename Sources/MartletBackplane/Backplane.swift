package import MartletCore
package import NIOCore

/// Carries publications between gateways.
///
/// **Order.** The publications of a group are numbered 1, 2, 3, … within an epoch, in the order in
/// which the backplane took them; two calls of ``publish(_:)`` from one event loop to one group are
/// taken in the order of the calls. A subscriber receives each shard's deliveries in stream order.
///
/// **Atomicity.** A publication either gets an offset, is retained (if its group keeps a history)
/// and is delivered to every subscriber, or none of these. A repeated idempotency id changes nothing and
/// answers with the first one's position.
///
/// **Epochs.** When the last publications of a group may have been lost (a fail-over, a restart), its next publication begins a
/// new epoch that *continues* the former one from a certain offset: a position up to there can still be recovered, one beyond
/// it, which counted what was lost, can not.
///
/// **Failure.** A future that fails with ``BackplaneError/unavailable(_:)`` says that the outcome is
/// unknown; the caller may repeat with the same idempotency id. When a subscriber may have missed
/// deliveries in a way that offsets do not show, it is told by ``BackplaneSubscriber/interrupted(shard:)``.
///
/// All methods may be called on any thread. Deliveries of a shard come on ``eventLoop(ofShard:)``.
package protocol Backplane: Sendable {
  /// Which shard a group is in.
  var shards: ShardMap { get }

  /// The loop on which deliveries of `shard` arrive.
  func eventLoop(ofShard shard: Int) -> any EventLoop

  /// Begins to deliver to `subscriber`. Call once. Returns at once: readiness comes later.
  func start(delivering subscriber: any BackplaneSubscriber)

  /// Stops delivering and closes connections. Outstanding calls fail.
  func stop() -> EventLoopFuture<Void>

  /// Publishes one event.
  func publish(_ request: PublishRequest) -> EventLoopFuture<PublishOutcome>

  /// The group's current position and, if `since` is given, what was published after it.
  ///
  /// A group that is not known yet gets its epoch here, so that a member that joins before the first
  /// publication can recover it.
  ///
  /// - Parameter budget: more than this is not replayed.
  func recover(
    _ group: GroupName, since: Position?, within budget: RecoveryBudget
  ) -> EventLoopFuture<Recovery>

  /// The newest retained publications with offsets below `before` (nil: all): `limit` of them, or fewer if they are
  /// large.
  func history(_ group: GroupName, before: UInt64?, limit: Int) -> EventLoopFuture<HistoryPage>

  /// Whether publications can be sent and are seen to come back. Empty: ready. Otherwise sentences.
  func unreadiness() -> EventLoopFuture<[String]>

  /// What it has done, and how it does.
  func statistics() -> EventLoopFuture<BackplaneStatistics>
}

/// Receives what a ``Backplane`` delivers.
package protocol BackplaneSubscriber: Sendable {
  /// Deliveries of `shard` in stream order. Called on the shard's event loop.
  func received(_ deliveries: [Delivery], shard: Int)

  /// Publications of `shard` may be missing: every group's position has to be compared with the backplane's.
  /// Called on the shard's event loop.
  func interrupted(shard: Int)
}

/// An event on its way into the backplane.
package struct PublishRequest: Sendable {
  package var group: GroupName
  /// A JSON object from `{` to `}`.
  package var event: ByteBuffer
  package var kind: Kind
  /// The connection that must not receive it.
  package var excluded: String?
  /// Unique per group within the idempotency window. Ignored for ephemeral events.
  package var idempotencyID: String?
  /// What has to be so before the publisher is answered. Ignored for ephemeral events.
  package var durability: Durability

  /// How an event is kept.
  package enum Kind: Equatable, Sendable {
    /// Numbered, and retained as given (nil: not at all).
    case published(Retention?)
    /// Neither numbered nor retained; may be dropped under load.
    case ephemeral
  }

  package init(
    group: GroupName, event: ByteBuffer, kind: Kind, excluded: String? = nil,
    idempotencyID: String? = nil, durability: Durability = .primary
  ) {
    self.durability = durability
    self.group = group
    self.event = event
    self.kind = kind
    self.excluded = excluded
    self.idempotencyID = idempotencyID
  }
}

/// What became of a ``PublishRequest``.
package struct PublishOutcome: Equatable, Sendable {
  /// Nil if the event was ephemeral.
  package var position: Position?
  /// Whether an earlier publication with the same idempotency id is meant.
  package var isRepeat: Bool

  package init(position: Position?, isRepeat: Bool = false) {
    self.position = position
    self.isRepeat = isRepeat
  }
}

/// An event on its way to the members of its group.
package struct Delivery: Equatable, Sendable {
  package var group: GroupName
  /// Nil if the event is ephemeral.
  package var position: Position?
  /// Set on the first publication of an epoch that continues another: its predecessor is the former epoch's publication
  /// with the offset before this one.
  package var continues: Epoch?
  package var excluded: String?
  /// A JSON object from `{` to `}`.
  package var event: ByteBuffer

  package init(
    group: GroupName, position: Position?, continues: Epoch? = nil, excluded: String?,
    event: ByteBuffer
  ) {
    self.group = group
    self.position = position
    self.continues = continues
    self.excluded = excluded
    self.event = event
  }

  /// The epoch that begins here and continues another; nil if none does.
  package var newEpoch: Epoch? { continues == nil ? nil : position?.epoch }

  /// Whether nothing lies between `position` and this publication.
  package func follows(_ position: Position) -> Bool {
    guard let own = self.position, own.offset == position.offset + 1 else { return false }
    return own.epoch == position.epoch || continues == position.epoch
  }
}

/// How much may be replayed at once.
package struct RecoveryBudget: Equatable, Sendable {
  package var publications: Int
  /// Of events, as they stand in the backplane.
  package var bytes: Int

  package init(publications: Int, bytes: Int = 4 << 20) {
    self.publications = publications
    self.bytes = bytes
  }
}

/// Where a group is, and what was missed.
package struct Recovery: Equatable, Sendable {
  /// The group's position when the question was answered.
  package var position: Position
  /// Everything after the asked position, without gap, up to `position`; nil if that is not
  /// available as a whole, or was not asked for.
  package var missed: [Delivery]?

  package init(position: Position, missed: [Delivery]?) {
    self.position = position
    self.missed = missed
  }
}

/// A page of retained publications, oldest first.
package struct HistoryPage: Equatable, Sendable {
  package var epoch: Epoch
  package var publications: [Delivery]
  /// The `before` of the next older page; nil if there is none.
  package var nextBefore: UInt64?

  package init(epoch: Epoch, publications: [Delivery], nextBefore: UInt64?) {
    self.epoch = epoch
    self.publications = publications
    self.nextBefore = nextBefore
  }
}

/// Why the backplane did not do what it was asked.
package enum BackplaneError: Error, Equatable, CustomStringConvertible {
  /// Try again later, with the same idempotency id; the outcome is unknown.
  case unavailable(String)
  /// The cluster in Redis is not the one that the configuration describes; starting is refused.
  case mismatch(String)

  package var description: String {
    switch self {
    case .unavailable(let reason): reason
    case .mismatch(let reason): reason
    }
  }
}

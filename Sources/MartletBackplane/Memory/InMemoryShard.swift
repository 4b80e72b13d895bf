internal import DequeModule
internal import MartletCore
internal import NIOCore

/// The groups of one shard of an ``InMemoryBackplane``. Confined to its event loop.
final class InMemoryShard {
  private struct Retained {
    var delivery: Delivery
    var until: NIODeadline
  }

  private struct Group {
    var position: Position
    /// Consecutive offsets, the last one `position.offset`; empty without retention.
    var history: Deque<Retained> = []
    var lastUse: NIODeadline

    mutating func forget(now: NIODeadline) {
      while let first = history.first, first.until <= now { history.removeFirst() }
    }
  }

  /// How long the position of a group that nobody uses is kept, as on Redis.
  static let positionLifetime = TimeAmount.hours(24)
  /// Between two searches for such groups.
  private static let forgetInterval = TimeAmount.minutes(10)

  private struct IdempotencyKey: Hashable {
    var group: GroupName
    var id: String
  }

  private struct Remembered {
    var key: IdempotencyKey
    var until: NIODeadline
  }

  private let index: Int
  private let eventLoop: any EventLoop
  private let idempotencyWindow: TimeAmount
  private var groups: [GroupName: Group] = [:]
  private var outcomes: [IdempotencyKey: Position] = [:]
  private var remembered: Deque<Remembered> = []
  private var pending: [Delivery] = []
  private var nextForget: NIODeadline?
  private var random = SystemRandomNumberGenerator()
  var subscriber: (any BackplaneSubscriber)?

  init(index: Int, eventLoop: any EventLoop, idempotencyWindow: Duration) {
    self.index = index
    self.eventLoop = eventLoop
    self.idempotencyWindow = TimeAmount(idempotencyWindow)
  }

  func publish(_ request: PublishRequest, now: NIODeadline) -> PublishOutcome {
    guard case .published(let retention) = request.kind else {
      deliver(
        Delivery(
          group: request.group, position: nil, excluded: request.excluded, event: request.event))
      return PublishOutcome(position: nil)
    }
    forgetOutcomes(now: now)
    let key = request.idempotencyID.map { IdempotencyKey(group: request.group, id: $0) }
    if let key, let position = outcomes[key] {
      return PublishOutcome(position: position, isRepeat: true)
    }
    var group = group(request.group, now: now)
    group.position.offset += 1
    let delivery = Delivery(
      group: request.group, position: group.position, excluded: request.excluded,
      event: request.event)
    if let retention {
      group.history.append(Retained(delivery: delivery, until: now + TimeAmount(retention.ttl)))
      while group.history.count > retention.size { group.history.removeFirst() }
    } else {
      group.history.removeAll()
    }
    groups[request.group] = group
    if let key {
      outcomes[key] = group.position
      remembered.append(Remembered(key: key, until: now + idempotencyWindow))
    }
    deliver(delivery)
    return PublishOutcome(position: group.position)
  }

  func recover(
    _ name: GroupName, since: Position?, within budget: RecoveryBudget, now: NIODeadline
  ) -> Recovery {
    let group = group(name, now: now)
    groups[name] = group
    guard let since, since.epoch == group.position.epoch, since.offset <= group.position.offset
    else { return Recovery(position: group.position, missed: nil) }
    let count = Int(group.position.offset - since.offset)
    let missed = group.history.suffix(count).map(\.delivery)
    guard count == missed.count, count <= budget.publications,
      missed.reduce(0, { $0 + $1.event.readableBytes }) <= budget.bytes
    else { return Recovery(position: group.position, missed: nil) }
    return Recovery(position: group.position, missed: missed)
  }

  func history(
    _ name: GroupName, before: UInt64?, limit: Int, now: NIODeadline
  ) -> HistoryPage {
    let group = group(name, now: now)
    let older = group.history.prefix { retained in
      guard let before, let offset = retained.delivery.position?.offset else { return true }
      return offset < before
    }
    let page = older.suffix(limit).map(\.delivery)
    return HistoryPage(
      epoch: group.position.epoch, publications: page,
      nextBefore: page.count < older.count ? page.first?.position?.offset : nil)
  }

  /// The group as it is now, or a new one.
  private func group(_ name: GroupName, now: NIODeadline) -> Group {
    forgetGroups(now: now)
    guard var group = groups[name] else {
      return Group(position: Position(epoch: .random(using: &random), offset: 0), lastUse: now)
    }
    group.lastUse = now
    group.forget(now: now)
    return group
  }

  private func forgetGroups(now: NIODeadline) {
    guard now >= nextForget ?? .distantPast else { return }
    nextForget = now + Self.forgetInterval
    groups = groups.filter { _, group in
      now - group.lastUse < Self.positionLifetime
        || group.history.last.map { $0.until > now } ?? false
    }
  }

  /// How many groups take memory.
  var groupCount: Int { groups.count }

  private func forgetOutcomes(now: NIODeadline) {
    while let oldest = remembered.first, oldest.until <= now {
      remembered.removeFirst()
      outcomes[oldest.key] = nil
    }
  }

  private func deliver(_ delivery: Delivery) {
    pending.append(delivery)
    guard pending.count == 1 else { return }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    eventLoop.execute { bound.value.flush() }
  }

  private func flush() {
    let deliveries = pending
    pending.removeAll(keepingCapacity: true)
    subscriber?.received(deliveries, shard: index)
  }
}

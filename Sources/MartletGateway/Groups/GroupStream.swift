internal import MartletBackplane
internal import MartletCore
internal import MartletProtocol

/// Decides what a group's local members get to see, so that each sees offsets in order, without
/// duplicates, or is told that it missed some. Pure: effects are carried out by ``LocalGroup``.
struct GroupStream: Equatable {
  private enum State: Equatable {
    /// No member has joined yet: it is not known where the stream begins.
    /// Can transition to: live (``established(at:)``).
    case unknown(backlog: [Delivery])
    /// Everything up to the position has been delivered.
    /// Can transition to: repairing (a gap in the offsets, an epoch that does not continue this one, or ``interrupted()``).
    case live(Position)
    /// The same, and what follows is being fetched; newer deliveries wait.
    /// Can transition to: live (``repaired(_:)``).
    case repairing(Position, Repair)
  }

  private struct Repair: Equatable {
    var backlog: [Delivery] = []
    /// How many of the backlog came before the question was asked.
    var known = 0
    /// Another interruption came after the question: the answer may be older.
    var isOutdated = false

    /// The oldest go; the gap that they leave is noticed.
    mutating func append(_ deliveries: [Delivery]) {
      backlog += deliveries
      let surplus = backlog.count - maximumBacklog
      guard surplus > 0 else { return }
      backlog.removeFirst(surplus)
      known = max(known - surplus, 0)
    }
  }

  /// What the owner has to do, in order.
  enum Action: Equatable {
    case deliver([Delivery])
    case resync(Position, ResyncReason)
    /// Ask the backplane for what came after the position, then call ``repaired(_:)``.
    case repair(since: Position)
  }

  /// The most deliveries that wait. Beyond it the oldest go; the gap that they leave is noticed.
  static let maximumBacklog = 10_000

  private var state = State.unknown(backlog: [])

  /// Where the local members are; nil before the first join.
  var position: Position? {
    switch state {
    case .unknown: nil
    case .live(let position), .repairing(let position, _): position
    }
  }

  /// The same as long as everything up to there has been delivered, and what follows will be.
  var livePosition: Position? {
    if case .live(let position) = state { position } else { nil }
  }

  /// Deliveries of the group from the backplane, in its order.
  mutating func received(_ deliveries: [Delivery]) -> [Action] {
    switch state {
    case .unknown(let backlog):
      state = .unknown(backlog: Self.bounded(backlog + deliveries))
      return []
    case .repairing(let position, var repair):
      repair.append(deliveries)
      state = .repairing(position, repair)
      return []
    case .live(let position):
      return follow(deliveries, from: position)
    }
  }

  /// The first member has joined at `position`.
  mutating func established(at position: Position) -> [Action] {
    guard case .unknown(let backlog) = state else { return [] }
    state = .live(position)
    return follow(backlog, from: position)
  }

  /// Publications may be missing that offsets do not show.
  mutating func interrupted() -> [Action] {
    switch state {
    case .unknown:
      return []
    case .live(let position):
      state = .repairing(position, Repair())
      return [.repair(since: position)]
    case .repairing(let position, var repair):
      repair.isOutdated = true
      state = .repairing(position, repair)
      return []
    }
  }

  /// The answer to ``Action/repair(since:)``; nil if there was none: the owner has to ask again.
  mutating func repaired(_ recovery: Recovery?) -> [Action] {
    guard case .repairing(let position, var repair) = state else { return [] }
    guard let recovery, !repair.isOutdated else {
      repair.isOutdated = false
      repair.known = repair.backlog.count
      state = .repairing(position, repair)
      return [.repair(since: position)]
    }
    state = .live(recovery.position)
    var actions: [Action] = []
    if let missed = recovery.missed {
      if !missed.isEmpty { actions.append(.deliver(missed)) }
    } else {
      let isSameEpoch = recovery.position.epoch == position.epoch
      actions.append(.resync(recovery.position, isSameEpoch ? .gap : .epochChanged))
    }
    // What came before the question, and is not of the epoch that answers it, is of one that is over.
    let known = repair.backlog.prefix(repair.known).filter { delivery in
      delivery.position.map { $0.epoch == recovery.position.epoch } ?? true
    }
    let rest = known + repair.backlog.dropFirst(repair.known)
    return actions + follow(rest, from: recovery.position)
  }

  private mutating func follow(_ deliveries: [Delivery], from start: Position) -> [Action] {
    var position = start
    var actions: [Action] = []
    var run: [Delivery] = []
    run.reserveCapacity(deliveries.count)
    func endRun() {
      if !run.isEmpty { actions.append(.deliver(run)) }
      run.removeAll()
    }
    for (index, delivery) in deliveries.enumerated() {
      guard let next = delivery.position else {
        run.append(delivery)
        continue
      }
      if next.epoch == position.epoch, next.offset <= position.offset { continue }
      guard delivery.follows(position) else {
        endRun()
        let backlog = Array(deliveries[index...])
        state = .repairing(position, Repair(backlog: backlog, known: backlog.count))
        return actions + [.repair(since: position)]
      }
      position = next
      run.append(delivery)
    }
    endRun()
    state = .live(position)
    return actions
  }

  private static func bounded(_ backlog: [Delivery]) -> [Delivery] {
    backlog.count > maximumBacklog ? Array(backlog.suffix(maximumBacklog)) : backlog
  }
}

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
    /// Can transition to: repairing (a gap in the offsets, or ``interrupted(_:)``).
    case live(Position)
    /// The same, and what follows is being fetched; newer deliveries wait.
    /// Can transition to: live (``repaired(_:)``).
    case repairing(Position, Repair)
  }

  private struct Repair: Equatable {
    var backlog: [Delivery] = []
    /// Another interruption came after the question: the answer may be older.
    var isOutdated = false
    /// Offsets may have been given out again: members have to be told whatever the answer.
    var mustTell = false
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

  /// Deliveries of the group from the backplane, in its order.
  mutating func received(_ deliveries: [Delivery]) -> [Action] {
    switch state {
    case .unknown(let backlog):
      state = .unknown(backlog: Self.bounded(backlog + deliveries))
      return []
    case .repairing(let position, var repair):
      repair.backlog = Self.bounded(repair.backlog + deliveries)
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
  mutating func interrupted(_ interruption: Interruption) -> [Action] {
    switch state {
    case .unknown:
      return []
    case .live(let position):
      state = .repairing(position, Repair(mustTell: interruption == .otherData))
      return [.repair(since: position)]
    case .repairing(let position, var repair):
      repair.isOutdated = true
      repair.mustTell = repair.mustTell || interruption == .otherData
      state = .repairing(position, repair)
      return []
    }
  }

  /// The answer to ``Action/repair(since:)``; nil if there was none: the owner has to ask again.
  mutating func repaired(_ recovery: Recovery?) -> [Action] {
    guard case .repairing(let position, var repair) = state else { return [] }
    guard let recovery, !repair.isOutdated else {
      repair.isOutdated = false
      state = .repairing(position, repair)
      return [.repair(since: position)]
    }
    state = .live(recovery.position)
    var actions: [Action] = []
    if let missed = recovery.missed, !repair.mustTell {
      if !missed.isEmpty { actions.append(.deliver(missed)) }
    } else {
      let isSameEpoch = recovery.position.epoch == position.epoch
      actions.append(.resync(recovery.position, isSameEpoch ? .gap : .epochChanged))
      // What is left of a history that is over.
      if !isSameEpoch {
        repair.backlog.removeAll { $0.position?.epoch == position.epoch }
      }
    }
    return actions + follow(repair.backlog, from: recovery.position)
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
      if next.epoch != position.epoch {
        endRun()
        let before = Position(epoch: next.epoch, offset: next.offset - 1)
        actions.append(.resync(before, .epochChanged))
      } else if next.offset <= position.offset {
        continue
      } else if next.offset > position.offset + 1 {
        endRun()
        state = .repairing(position, Repair(backlog: Array(deliveries[index...])))
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

/// Stops asking a back end that fails, so that neither it nor clients wait for what will not come (Nygard, "Release It!",
/// 2nd ed., ch. 5). A value: time is an argument.
package struct CircuitBreaker: Sendable {
  package enum State: Equatable, Sendable {
    /// Everybody may ask. Can transition to `open` when `failures` reaches the limit.
    case closed(failures: Int)
    /// Nobody may ask. Can transition to `halfOpen` when the first one asks after `until`.
    case open(until: ContinuousClock.Instant)
    /// One is asking, the others may not. Can transition to `closed` or `open`, as its question ends.
    case halfOpen
  }

  /// The right to ask once; give it back by ``succeeded(_:)`` or ``failed(_:now:)``.
  package struct Permit: Equatable, Sendable {
    fileprivate let generation: Int
  }

  package private(set) var state = State.closed(failures: 0)
  /// How often it has opened.
  package private(set) var openings = 0

  private let failureLimit: Int
  private let openDuration: Duration
  /// Changes with each transition: questions of before tell nothing about what is now.
  private var generation = 0

  /// - Parameters:
  ///   - failureLimit: failures in a row that open the circuit.
  ///   - openDuration: until one question tries again.
  package init(failureLimit: Int, openDuration: Duration) {
    self.failureLimit = failureLimit
    self.openDuration = openDuration
  }

  /// Nil: not now.
  package mutating func admit(now: ContinuousClock.Instant) -> Permit? {
    switch state {
    case .closed:
      return Permit(generation: generation)
    case .open(let until) where now >= until:
      enter(.halfOpen)
      return Permit(generation: generation)
    case .open, .halfOpen:
      return nil
    }
  }

  /// The back end has answered, whatever it said.
  package mutating func succeeded(_ permit: Permit) {
    // Asked before the circuit opened: no proof that it works now.
    guard permit.generation == generation else { return }
    switch state {
    case .closed: state = .closed(failures: 0)
    case .halfOpen: enter(.closed(failures: 0))
    case .open: preconditionFailure("an open circuit gives no permits")
    }
  }

  /// It has not, or not in a way that can be understood.
  package mutating func failed(_ permit: Permit, now: ContinuousClock.Instant) {
    guard permit.generation == generation else { return }
    switch state {
    case .closed(let failures) where failures + 1 < failureLimit:
      state = .closed(failures: failures + 1)
    case .closed, .halfOpen:
      openings += 1
      enter(.open(until: now + openDuration))
    case .open:
      preconditionFailure("an open circuit gives no permits")
    }
  }

  private mutating func enter(_ next: State) {
    state = next
    generation += 1
  }
}

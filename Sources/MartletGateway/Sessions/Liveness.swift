internal import NIOCore

/// When a peer was heard of, and what follows from its silence. A value; time is an argument.
struct Liveness {
  enum Action: Equatable {
    case nothing
    case ping
    /// The peer has not answered.
    case end
  }

  private enum State {
    case heard(NIODeadline)
    /// Asked for a sign of life.
    case pinged(NIODeadline)
  }

  private var state: State

  init(now: NIODeadline) {
    state = .heard(now)
  }

  /// The peer has sent something.
  mutating func heard(now: NIODeadline) {
    state = .heard(now)
  }

  /// However late it is called, nobody ends who was not asked.
  ///
  /// - Parameters:
  ///   - interval: the silence after which the peer is asked.
  ///   - timeout: how long it has to answer.
  mutating func check(now: NIODeadline, interval: TimeAmount, timeout: TimeAmount) -> Action {
    switch state {
    case .heard(let time) where now - time > interval:
      state = .pinged(now)
      return .ping
    case .pinged(let time) where now - time > timeout:
      return .end
    case .heard, .pinged:
      return .nothing
    }
  }
}

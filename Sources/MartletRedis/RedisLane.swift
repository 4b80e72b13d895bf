internal import DequeModule
internal import MartletCore
internal import NIOCore

/// The requests for one slot, whose order is kept through redirections and waiting. A value; decides, sends nothing.
///
/// Requests go out as they come. When one comes back unexecuted, those behind it may come back too: new ones
/// wait until nothing is in flight, then all are sent again in their order.
struct RedisLane {
  private enum State: Equatable {
    /// → holding (``comesBack(_:)``, ``hold()``)
    case flowing
    /// → flowing (``release()``). Not before `until`.
    case holding(until: NIODeadline)
  }

  private var state = State.flowing
  private(set) var inFlight = 0
  /// Sent once, and to be sent again before those that wait.
  private var returned: Deque<RedisRequest> = []
  private var waiting: Deque<RedisRequest> = []

  var isHolding: Bool { state != .flowing }

  /// Whether it can be forgotten.
  var isIdle: Bool { !isHolding && inFlight == 0 }

  /// Whether requests that are held may be sent again.
  func canRelease(now: NIODeadline) -> Bool {
    if case .holding(let until) = state { inFlight == 0 && until <= now } else { false }
  }

  /// A request is sent.
  mutating func departs() {
    inFlight += 1
  }

  /// A request was executed, or it is not known whether it was.
  mutating func ends() {
    inFlight -= 1
  }

  /// A request was not executed, and is to be sent again not before `until`.
  mutating func comesBack(_ request: RedisRequest, until: NIODeadline) {
    inFlight -= 1
    returned.append(request)
    hold(until: until)
  }

  /// New requests wait until all that is in flight has ended, and not before `until`.
  mutating func hold(until: NIODeadline) {
    if case .holding(let earlier) = state {
      state = .holding(until: max(earlier, until))
    } else {
      state = .holding(until: until)
    }
  }

  /// A request waits.
  mutating func waits(_ request: RedisRequest) {
    waiting.append(request)
  }

  /// What is to be sent now, in order.
  mutating func release() -> Deque<RedisRequest> {
    state = .flowing
    var all = returned
    all.append(contentsOf: waiting)
    returned.removeAll()
    waiting.removeAll()
    return all
  }

  /// Takes out what is not willing to wait any longer.
  mutating func expire(now: NIODeadline) -> [RedisRequest] {
    let expired = [returned, waiting].flatMap { $0.filter { $0.deadline <= now } }
    guard !expired.isEmpty else { return [] }
    returned.removeAll { $0.deadline <= now }
    waiting.removeAll { $0.deadline <= now }
    return expired
  }
}

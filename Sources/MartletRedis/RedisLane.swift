internal import DequeModule
internal import MartletCore
internal import NIOCore

/// The requests for one slot, whose order is kept through redirections and waiting. A value; decides, sends nothing.
///
/// Requests go out as they come. When one comes back unexecuted, those behind it may come back too: new ones
/// wait until nothing is in flight, then all are sent again in their order.
///
/// A server that has put off one request may take the next a moment later. So of the requests with the subject of one that was
/// put off only the first is sent again, alone, until the server takes it.
struct RedisLane {
  private enum State: Equatable {
    /// → holding (``comesBack(_:until:isPutOff:)``, ``hold(until:)``)
    case flowing
    /// → flowing (``release()``). Not before `until`.
    case holding(until: NIODeadline)
  }

  private var state = State.flowing
  private(set) var inFlight = 0
  private var turns: UInt64 = 0
  /// To be sent, or sent again, in the order of their turns.
  private var held: Deque<RedisRequest> = []
  /// What requests are about that were put off, until one of them is taken.
  private var doubtful: Set<String> = []
  /// The subjects of those that are in flight alone.
  private var tried: Set<String> = []

  var isHolding: Bool { state != .flowing }

  /// Whether it can be forgotten.
  var isIdle: Bool { !isHolding && inFlight == 0 }

  /// Whether requests that are held may be sent again.
  func canRelease(now: NIODeadline) -> Bool {
    if case .holding(let until) = state { inFlight == 0 && until <= now } else { false }
  }

  /// A request is new: it gets its turn. Call once for each, in their order.
  mutating func admit(_ request: RedisRequest) -> RedisRequest {
    turns += 1
    var request = request
    request.turn = turns
    return request
  }

  /// A request is sent.
  mutating func departs() {
    inFlight += 1
  }

  /// A request was executed or refused, or it is not known whether it was; or it was put off and has given up.
  mutating func ends(_ request: RedisRequest, isPutOff: Bool = false) {
    inFlight -= 1
    if isPutOff {
      doubtful.insert(request.subject)
    } else if !tried.isEmpty, tried.contains(request.subject) {
      doubtful.remove(request.subject)
    }
  }

  /// A request was not executed, and is to be sent again not before `until`.
  ///
  /// - Parameter isPutOff: the server did not send it elsewhere, and may take it, or one behind it, at any time.
  mutating func comesBack(
    _ request: RedisRequest, until: NIODeadline, isPutOff: Bool = false
  ) {
    inFlight -= 1
    if isPutOff { doubtful.insert(request.subject) }
    waits(request)
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

  /// A request waits for its turn. Answers come from several servers, so not always in the order of the requests.
  mutating func waits(_ request: RedisRequest) {
    let place = held.lastIndex { $0.turn < request.turn }.map { $0 + 1 } ?? 0
    held.insert(request, at: place)
  }

  /// What is to be sent now, in order. If some of it is only tried, the lane goes on holding.
  mutating func release() -> Deque<RedisRequest> {
    let all = held
    held.removeAll()
    tried.removeAll()
    if !doubtful.isEmpty { doubtful.formIntersection(all.map(\.subject)) }
    guard !doubtful.isEmpty else {
      state = .flowing
      return all
    }
    state = .holding(until: .distantPast)
    var released: Deque<RedisRequest> = []
    for request in all {
      if doubtful.contains(request.subject), !tried.insert(request.subject).inserted {
        held.append(request)
      } else {
        released.append(request)
      }
    }
    return released
  }

  /// Takes out what is not willing to wait any longer.
  mutating func expire(now: NIODeadline) -> [RedisRequest] {
    let expired = held.filter { $0.deadline <= now }
    guard !expired.isEmpty else { return [] }
    held.removeAll { $0.deadline <= now }
    return Array(expired)
  }
}

import NIOCore

/// What a `GatewayDouble` does wrong.
struct DoubleFaults: Sendable {
  /// One delivery that is about to happen. Members count from 0 in the order of their joins.
  struct Delivery {
    var member: Int
    var publisher: Int
    var sequence: Int
  }
  enum DeliveryFault {
    case none
    case lose
    case duplicate
    /// Delivered after the next publication for this member.
    case swap
  }
  enum PublishFault {
    case none
    /// Published, never acknowledged.
    case silent
    /// Refused with this code, not published.
    case refuse(String)
    /// The connection is cut before it is published.
    case cutBefore
    /// Published and delivered, then the connection is cut before the acknowledgement.
    case cutAfter
    /// A close frame with 1012 after the acknowledgement.
    case drain
    /// A member's socket is cut by another's publication: the member with this number.
    case cutMember(Int)
  }

  var delivery: @Sendable (Delivery) -> DeliveryFault = { _ in .none }
  /// Asked for every event that arrives; `attempt` counts from 1.
  var publish: @Sendable (_ publisher: Int, _ sequence: Int, _ attempt: Int) -> PublishFault = {
    _, _, _ in .none
  }
  /// Recovery always fails.
  var forgetsHistory = false
  /// Publications are sent in fragments of one byte and a rest.
  var fragments = false
  /// Closes with 4001 instead of joining.
  var rejectsTokens = false
  /// Never sends `connection_established` beyond this many joins.
  var joinLimit = Int.max
}

/// The memory of a `GatewayDouble`: groups, members, histories. Confined to its event loop.
final class DoubleHub {
  struct Observations: Sendable {
    var joins = 0
    var recoveries = 0
    /// Bytes of the events published, without `ref` and `idempotency_id`.
    var eventSizes: Set<Int> = []
    /// `publisher-sequence` of everything that arrived, in order, with repeats.
    var arrivals: [String] = []
    var targets: [String] = []
    var pongs = 0
  }

  private struct Group {
    var offset = 0
    var history: [(offset: Int, delivery: DoubleFaults.Delivery, text: String)] = []
    var offsets: [String: Int] = [:]
    var members: [DoubleSession] = []
    var joins = 0
  }

  let faults: DoubleFaults
  let eventLoop: any EventLoop
  var observations = Observations()
  private var groups: [String: Group] = [:]
  private var attempts: [String: Int] = [:]

  init(faults: DoubleFaults, eventLoop: any EventLoop) {
    self.faults = faults
    self.eventLoop = eventLoop
  }

  func join(_ session: DoubleSession) {
    observations.targets.append(session.target)
    if faults.rejectsTokens { return session.close(code: 4001, reason: "unauthenticated") }
    guard observations.joins < faults.joinLimit else { return }
    observations.joins += 1
    var group = groups[session.group] ?? Group()
    session.member = group.joins
    group.joins += 1
    group.members.append(session)
    groups[session.group] = group

    var recovered = ""
    var position = group.offset
    if let asked = session.recoverFrom {
      observations.recoveries += 1
      recovered = ",\"recovered\":\(!faults.forgetsHistory)"
      if !faults.forgetsHistory { position = asked }
    }
    session.send(
      """
      {"type":"connection_established","connection_id":"c","user":{"id":"u1","name":"}\\"{"},\
      "group":"\(session.group)","position":{"epoch":"e 1","offset":\(position)}\(recovered),\
      "members":[{"id":"u1","name":"position"}]}
      """)
    for publication in group.history where publication.offset > position {
      session.send(publication.text)
    }
    // A ping in the stream: the client must answer it.
    session.ping()
  }

  func leave(_ session: DoubleSession) {
    groups[session.group]?.members.removeAll { $0 === session }
  }

  func receive(_ text: String, from session: DoubleSession) {
    guard let event = DoubleEvent(text) else {
      return session.send(#"{"type":"error","code":"malformed","message":"?"}"#)
    }
    let key = "\(event.publisher)-\(event.sequence)"
    observations.arrivals.append(key)
    attempts[key, default: 0] += 1
    let fault = faults.publish(event.publisher, event.sequence, attempts[key] ?? 0)
    switch fault {
    case .cutBefore:
      return session.cut()
    case .refuse(let code):
      return session.send(
        #"{"type":"error","code":"\#(code)","message":"no","ref":\#(event.sequence)}"#)
    default: break
    }
    let offset = publish(event, to: session.group)
    switch fault {
    case .silent: return
    case .cutAfter: return session.cut()
    default: break
    }
    session.send(
      """
      {"type":"ack","ref":\(event.sequence),"group":"\(session.group)","epoch":"e 1",\
      "offset":\(offset)}
      """)
    switch fault {
    case .drain:
      session.send(#"{"type":"draining","reconnect_after":10}"#)
      session.close(code: 1012, reason: "draining")
    case .cutMember(let number):
      for member in groups[session.group]?.members ?? [] where member.member == number {
        member.cut()
      }
    default: break
    }
  }

  private func publish(_ event: DoubleEvent, to name: String) -> Int {
    var group = groups[name] ?? Group()
    if let offset = group.offsets[event.idempotency] { return offset }
    observations.eventSizes.insert(event.text.utf8.count)
    group.offset += 1
    group.offsets[event.idempotency] = group.offset
    let published =
      String(event.text.dropLast())
      + #","sender":{"id":"u1","name":"\"offset\":9,"},"group":"\#(name)","offset":\#(group.offset)}"#
    let delivery = DoubleFaults.Delivery(
      member: 0, publisher: event.publisher, sequence: event.sequence)
    group.history.append((group.offset, delivery, published))
    groups[name] = group
    for member in group.members {
      var delivery = delivery
      delivery.member = member.member
      member.deliver(published, faults.delivery(delivery), inFragments: faults.fragments)
    }
    return group.offset
  }
}

/// An event of the load generator, taken apart by its known shape rather than by its own scanner.
private struct DoubleEvent {
  let publisher: Int
  let sequence: Int
  let idempotency: String
  /// Without `ref` and `idempotency_id`.
  let text: String

  init?(_ message: String) {
    func between(_ start: String, _ end: String) -> String? {
      guard let lower = message.firstRange(of: start)?.upperBound,
        let upper = message[lower...].firstRange(of: end)?.lowerBound
      else { return nil }
      return String(message[lower..<upper])
    }
    guard let publisher = between("\"publisher\":", ",").flatMap({ Int($0) }),
      let sequence = between("\"sequence\":", ",").flatMap({ Int($0) }),
      let reference = between("\"ref\":", ","),
      let idempotency = between("\"idempotency_id\":\"", "\"")
    else { return nil }
    self.publisher = publisher
    self.sequence = sequence
    self.idempotency = idempotency
    text = message.replacing(
      ",\"ref\":\(reference),\"idempotency_id\":\"\(idempotency)\"", with: "")
  }
}

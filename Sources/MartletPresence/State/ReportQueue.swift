internal import DequeModule
internal import MartletCore

/// What a gateway still has to report of one shard.
///
/// Reports are kept until they are acknowledged, and sent again in order after a lost connection; their
/// sequence makes the repetition harmless. If too much gathers, or the aggregator may lack something, all
/// of it gives way to one snapshot of what the gateway holds. So the queue is bounded by a constant,
/// and the snapshot by the gateway's sessions. A value; the caller sends.
struct ReportQueue: Sendable {
  private enum Registration {
    /// The shard does not know this gateway. → registered, by ``registered(isNew:)``
    case none
    case registered
  }

  /// The most operations in one report.
  static let maximumOperations = 256
  /// With more operations than this unacknowledged, a snapshot is cheaper than the queue.
  static let maximumQueued = 8_192

  private struct Held: Sendable {
    var session: PresenceSession
    /// Greater for those who joined later.
    var number: UInt64
    /// Of the pending operation that brings the session, counted since the beginning; nil if it was sent.
    var pending: Int?
  }

  private let gateway: String
  private var sessions: [Membership: Held] = [:]
  private var nextNumber: UInt64 = 0
  private var pending: Deque<PresenceReport.Operation> = []
  /// How many operations were taken from the front of ``pending``.
  private var takenOperations = 0
  private var unacknowledged: Deque<PresenceReport> = []
  private var unacknowledgedOperations = 0
  private var nextSequence: UInt64 = 1
  private var registration = Registration.none
  private var needsSnapshot = false
  private var isDraining = false
  private var needsDrain = false

  init(gateway: String) {
    self.gateway = gateway
  }

  /// Whether the shard has anything to do with this gateway: then the lease is to be renewed.
  var isActive: Bool { nextSequence > 1 || !sessions.isEmpty || !pending.isEmpty }

  /// Whether nothing waits to be sent or acknowledged.
  var isSettled: Bool {
    !awaitsRegistration && !needsSnapshot && !needsDrain && pending.isEmpty
      && unacknowledged.isEmpty
  }

  /// Whether reports have to wait until the lease was renewed.
  var awaitsRegistration: Bool { isActive && registration == .none }

  // MARK: What happens in the gateway

  /// A session that is known may have another meta.
  mutating func join(_ session: PresenceSession) {
    let membership = Membership(session)
    guard let former = sessions[membership] else {
      sessions[membership] = Held(session: session, number: nextNumber)
      nextNumber += 1
      enqueueJoin(of: membership, session)
      return
    }
    guard former.session != session else { return }
    sessions[membership]?.session = session
    if let number = former.pending, number >= takenOperations {
      // What was not sent yet is replaced, in its place.
      pending[number - takenOperations] = .join(session)
    } else {
      enqueueJoin(of: membership, session)
    }
  }

  mutating func leave(_ membership: Membership) {
    guard sessions.removeValue(forKey: membership) != nil else { return }
    enqueue(.leave(membership))
  }

  /// - Parameter age: of the activity, in milliseconds.
  mutating func seen(_ membership: Membership, age: Int64) {
    guard sessions[membership] != nil else { return }
    enqueue(.seen(membership, age: age))
  }

  mutating func drain() {
    guard !isDraining else { return }
    isDraining = true
    needsDrain = isActive
  }

  // MARK: What happens to reports

  /// The lease was renewed; `isNew` if the shard had not known it: it never did, or it lost its memory,
  /// or it took this gateway for dead, or it asks for a snapshot.
  mutating func registered(isNew: Bool) {
    if isNew || registration == .none, isActive { replaceBySnapshot() }
    registration = .registered
  }

  /// A new connection: everything unacknowledged, in order. At least one report, so that the aggregator
  /// notices if the end of its stream is lost.
  mutating func reportsToRepeat() -> [PresenceReport] {
    guard registration == .registered, isActive, !needsSnapshot else { return [] }
    if unacknowledged.isEmpty { append(.operations([])) }
    return Array(unacknowledged)
  }

  /// The reports that are due, none if the shard does not know this gateway yet.
  mutating func reportsToSend() -> [PresenceReport] {
    guard registration == .registered else { return [] }
    var reports: [PresenceReport] = []
    if needsSnapshot {
      needsSnapshot = false
      // In the order of their joins, which decides the order of metas.
      let held = sessions.values.sorted { $0.number < $1.number }
      reports.append(append(.snapshot(held.map(\.session))))
    }
    while !pending.isEmpty {
      let operations = Array(pending.prefix(Self.maximumOperations))
      pending.removeFirst(operations.count)
      takenOperations += operations.count
      reports.append(append(.operations(operations)))
    }
    if needsDrain {
      needsDrain = false
      reports.append(append(.drain))
    }
    return reports
  }

  /// The last report of this life: its sessions are gone.
  mutating func goodbye() -> PresenceReport {
    sessions.removeAll()
    return append(.goodbye)
  }

  /// A report is in the stream.
  mutating func acknowledged(_ sequence: UInt64) {
    while let first = unacknowledged.first, first.sequence <= sequence {
      unacknowledged.removeFirst()
      unacknowledgedOperations -= first.operationCount
    }
  }

  /// A report was not taken; those after it may have been.
  mutating func refused(_ sequence: UInt64) {
    guard unacknowledged.contains(where: { $0.sequence == sequence }) else { return }
    replaceBySnapshot()
  }

  // MARK: Steps

  private mutating func enqueueJoin(of membership: Membership, _ session: PresenceSession) {
    enqueue(.join(session))
    sessions[membership]?.pending = pending.isEmpty ? nil : takenOperations + pending.count - 1
  }

  private mutating func enqueue(_ operation: PresenceReport.Operation) {
    // What a snapshot will say need not be said twice.
    guard registration == .registered, !needsSnapshot else { return }
    pending.append(operation)
    if pending.count + unacknowledgedOperations > Self.maximumQueued { replaceBySnapshot() }
  }

  private mutating func replaceBySnapshot() {
    takenOperations += pending.count
    pending.removeAll()
    unacknowledged.removeAll()
    unacknowledgedOperations = 0
    needsSnapshot = true
    needsDrain = isDraining
  }

  @discardableResult
  private mutating func append(_ body: PresenceReport.Body) -> PresenceReport {
    let report = PresenceReport(gateway: gateway, sequence: nextSequence, body: body)
    nextSequence += 1
    unacknowledged.append(report)
    unacknowledgedOperations += report.operationCount
    return report
  }
}

extension PresenceReport {
  /// What counts against the bound of a queue.
  fileprivate var operationCount: Int {
    switch body {
    case .operations(let operations): operations.count
    case .snapshot, .drain, .goodbye: 0
    }
  }
}

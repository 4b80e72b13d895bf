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
  }

  private let gateway: String
  private var sessions: [GroupName: [String: Held]] = [:]
  private var nextNumber: UInt64 = 0
  private var pending: Deque<PresenceReport.Operation> = []
  private var unacknowledged: Deque<PresenceReport> = []
  private var unacknowledgedOperations = 0
  private var nextSequence: UInt64 = 1
  private var registration = Registration.none
  private var needsSnapshot = false

  init(gateway: String) {
    self.gateway = gateway
  }

  /// Whether the shard has anything to do with this gateway: then the lease is to be renewed.
  var isActive: Bool { nextSequence > 1 || !sessions.isEmpty || !pending.isEmpty }

  /// Whether nothing waits to be sent or acknowledged.
  var isSettled: Bool {
    !awaitsRegistration && !needsSnapshot && pending.isEmpty && unacknowledged.isEmpty
  }

  /// Whether reports have to wait until the lease was renewed.
  var awaitsRegistration: Bool { isActive && registration == .none }

  /// This gateway's sessions of `group`.
  func sessions(of group: GroupName) -> [PresenceSession] {
    (sessions[group] ?? [:]).values.map(\.session)
  }

  // MARK: What happens in the gateway

  mutating func join(_ session: PresenceSession) {
    let id = session.connectionID
    guard sessions[session.group]?[id]?.session != session else { return }
    sessions[session.group, default: [:]][id] = Held(session: session, number: nextNumber)
    nextNumber += 1
    enqueue(.join(session))
  }

  mutating func leave(group: GroupName, connectionID: String) {
    guard sessions[group]?.removeValue(forKey: connectionID) != nil else { return }
    if sessions[group]?.isEmpty == true { sessions[group] = nil }
    enqueue(.leave(group: group, connectionID: connectionID))
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
    if needsSnapshot {
      needsSnapshot = false
      // In the order of their joins, which decides the order of members.
      let held = sessions.values.flatMap(\.values).sorted { $0.number < $1.number }
      let report = append(.snapshot(held.map(\.session)))
      return [report]
    }
    var reports: [PresenceReport] = []
    while !pending.isEmpty {
      let operations = Array(pending.prefix(Self.maximumOperations))
      pending.removeFirst(operations.count)
      reports.append(append(.operations(operations)))
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

  private mutating func enqueue(_ operation: PresenceReport.Operation) {
    // What a snapshot will say need not be said twice.
    guard registration == .registered, !needsSnapshot else { return }
    pending.append(operation)
    if pending.count + unacknowledgedOperations > Self.maximumQueued { replaceBySnapshot() }
  }

  private mutating func replaceBySnapshot() {
    pending.removeAll()
    unacknowledged.removeAll()
    unacknowledgedOperations = 0
    needsSnapshot = true
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
    case .snapshot, .goodbye: 0
    }
  }
}

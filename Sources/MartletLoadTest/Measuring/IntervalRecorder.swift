/// Turns running totals into a time series. Its memory is bounded: a series that grows too long is halved by
/// joining neighbours, and each further record spans twice as much.
package struct IntervalRecorder: Sendable {
  /// An hour of seconds.
  package static let defaultLimit = 3600

  private let limit: Int
  private var closed: [IntervalRecord] = []
  /// How many updates make a record.
  private var updatesPerRecord = 1
  private var open: IntervalRecord?
  private var updatesInOpen = 0
  private var previous = RunTotals()
  private var previousSeconds = 0.0

  /// - Parameter limit: of the series; at least 2.
  package init(limit: Int = Self.defaultLimit) {
    precondition(limit >= 2, "a series of fewer than two intervals cannot be halved")
    self.limit = limit
  }

  /// The series so far, ascending.
  package var records: [IntervalRecord] { closed + (open.map { [$0] } ?? []) }

  /// Takes in the totals of this moment.
  ///
  /// - Parameters:
  ///   - totals: since the run began.
  ///   - seconds: since the run began, later than those of the update before.
  ///   - phase: in which the time since then began.
  /// - Returns: what happened since the update before; nil when no time has passed.
  @discardableResult
  package mutating func update(
    _ totals: RunTotals, atSeconds seconds: Double, phase: String
  ) -> IntervalRecord? {
    guard seconds > previousSeconds else { return nil }
    let record = difference(to: totals, atSeconds: seconds, phase: phase)
    previous = totals
    previousSeconds = seconds
    take(record)
    return record
  }

  private func difference(
    to totals: RunTotals, atSeconds seconds: Double, phase: String
  ) -> IntervalRecord {
    // Totals fall when a process is gone.
    func change(_ count: (RunTotals) -> Int) -> Int { max(0, count(totals) - count(previous)) }
    var record = IntervalRecord(
      startSeconds: previousSeconds, lengthSeconds: seconds - previousSeconds, phase: phase)
    record.planned = totals.planned
    record.joined = totals.joined
    record.outstanding = totals.outstanding
    record.connects = change(\.connects)
    record.sent = change(\.counters.sent)
    record.acknowledged = change(\.counters.acknowledged)
    record.delivered = change(\.counters.delivered)
    record.ephemeralSent = change(\.counters.ephemeralSent)
    record.ephemeralReceived = change(\.counters.ephemeralReceived)
    record.lostConnections = change(\.counters.lostConnections)
    record.errors = change(\.counters.errorCount)
    record.lateSends = change(\.counters.lateSends)
    record.longestLagMilliseconds = totals.longestLagMilliseconds
    record.cpuSeconds = max(0, totals.cpuSeconds - previous.cpuSeconds)
    record.latencies = totals.latencies.since(previous.latencies)
    return record
  }

  private mutating func take(_ record: IntervalRecord) {
    if open == nil { open = record } else { open?.append(record) }
    updatesInOpen += 1
    guard updatesInOpen == updatesPerRecord, let full = open else { return }
    closed.append(full)
    open = nil
    updatesInOpen = 0
    guard closed.count >= limit else { return }
    closed = IntervalSeries.condensed(closed, to: (limit + 1) / 2)
    updatesPerRecord *= 2
  }
}

/// One look at a run that is going on.
package struct ProgressSample: Sendable, Equatable {
  package var phase: String
  /// Since the phase, or the run, began.
  package var elapsedSeconds: Double
  /// What that will become; nil: not known, and there is no bar.
  package var plannedSeconds: Double?
  package var joined: Int
  /// That the plan has now.
  package var clients: Int
  package var sentPerSecond: Double
  package var deliveredPerSecond: Double
  package var ephemeralSentPerSecond = 0.0
  package var ephemeralReceivedPerSecond = 0.0
  /// Deliveries since the previous sample, in milliseconds; nil: there were none.
  package var deliverP50: Double?
  package var deliverP99: Double?
  /// Since the run began.
  package var errors: Int
  /// Publications that are due and have no answer. What members miss is known at the end only.
  package var outstanding: Int

  package init(
    phase: String, elapsedSeconds: Double, plannedSeconds: Double? = nil, joined: Int,
    clients: Int, sentPerSecond: Double = 0, deliveredPerSecond: Double = 0,
    deliverP50: Double? = nil, deliverP99: Double? = nil, errors: Int = 0, outstanding: Int = 0
  ) {
    self.phase = phase
    self.elapsedSeconds = elapsedSeconds
    self.plannedSeconds = plannedSeconds
    self.joined = joined
    self.clients = clients
    self.sentPerSecond = sentPerSecond
    self.deliveredPerSecond = deliveredPerSecond
    self.deliverP50 = deliverP50
    self.deliverP99 = deliverP99
    self.errors = errors
    self.outstanding = outstanding
  }

  /// Of the newest interval.
  ///
  /// - Parameter errors: since the run began.
  package init(_ record: IntervalRecord, plannedSeconds: Double?, errors: Int) {
    let deliver = record.latencies.deliver
    self.init(
      phase: record.phase, elapsedSeconds: record.endSeconds, plannedSeconds: plannedSeconds,
      joined: record.joined, clients: record.planned,
      sentPerSecond: record.perSecond(record.sent),
      deliveredPerSecond: record.perSecond(record.delivered),
      deliverP50: deliver.count > 0 ? deliver.percentile(50) : nil,
      deliverP99: deliver.count > 0 ? deliver.percentile(99) : nil,
      errors: errors, outstanding: record.outstanding)
    ephemeralSentPerSecond = record.perSecond(record.ephemeralSent)
    ephemeralReceivedPerSecond = record.perSecond(record.ephemeralReceived)
  }
}

/// What has happened since the run began, on one event loop or on all of them together.
package struct LoadCounters: Sendable, Equatable, Codable {
  /// Attempts to connect, and how many ended before the join.
  package var attempts = 0
  package var failedAttempts = 0
  /// Joins after a client's first.
  package var reconnects = 0
  package var recovered = 0
  package var notRecovered = 0
  package var resyncs = 0
  /// Connections that ended after the join, unasked.
  package var lostConnections = 0
  /// Publications put on the wire for the first time, and again.
  package var sent = 0
  package var resent = 0
  package var acknowledged = 0
  /// Publications refused with an error that a retry does not mend.
  package var rejected = 0
  /// Distinct (member, publication) pairs received.
  package var delivered = 0
  package var duplicated = 0
  package var reordered = 0
  package var overtaken = 0
  /// Delivered only when the history was asked for it, after the run.
  package var recoveredLate = 0
  /// Publications of other runs or of other publishers.
  package var foreign = 0
  package var ephemeralSent = 0
  /// Became due while their publisher had no connection.
  package var ephemeralSkipped = 0
  package var ephemeralReceived = 0
  /// Publications that left more than `GeneratorHealth.lateSend` after their intended time because
  /// this program was late.
  package var lateSends = 0
  /// By code of `error` messages, and by this program's own labels for nonsense from the server.
  package var errors: [String: Int] = [:]
  /// Ends of connections and attempts that this program did not ask for, by label.
  package var ends: [String: Int] = [:]

  package init() {}

  /// `error` messages and nonsense from the server.
  package var errorCount: Int { errors.values.reduce(0, +) }

  package mutating func add(_ other: LoadCounters) {
    attempts += other.attempts
    failedAttempts += other.failedAttempts
    reconnects += other.reconnects
    recovered += other.recovered
    notRecovered += other.notRecovered
    resyncs += other.resyncs
    lostConnections += other.lostConnections
    sent += other.sent
    resent += other.resent
    acknowledged += other.acknowledged
    rejected += other.rejected
    delivered += other.delivered
    duplicated += other.duplicated
    reordered += other.reordered
    overtaken += other.overtaken
    recoveredLate += other.recoveredLate
    foreign += other.foreign
    ephemeralSent += other.ephemeralSent
    ephemeralSkipped += other.ephemeralSkipped
    ephemeralReceived += other.ephemeralReceived
    lateSends += other.lateSends
    errors.merge(other.errors, uniquingKeysWith: +)
    ends.merge(other.ends, uniquingKeysWith: +)
  }
}

/// What happened on one event loop, or on all of them together.
struct LoadCounters: Sendable, Equatable, Codable {
  /// Attempts to connect, and how many ended before the join.
  var attempts = 0
  var failedAttempts = 0
  /// Joins after a client's first.
  var reconnects = 0
  var recovered = 0
  var notRecovered = 0
  var resyncs = 0
  /// Connections that ended after the join, unasked.
  var lostConnections = 0
  /// Publications put on the wire for the first time, and again.
  var sent = 0
  var resent = 0
  var acknowledged = 0
  /// Publications refused with an error that a retry does not mend.
  var rejected = 0
  /// Distinct (member, publication) pairs received.
  var delivered = 0
  var duplicated = 0
  var reordered = 0
  var overtaken = 0
  /// Delivered only when the history was asked for it, after the run.
  var recoveredLate = 0
  /// Publications of other runs or of other publishers.
  var foreign = 0
  var ephemeralSent = 0
  /// Became due while their publisher had no connection.
  var ephemeralSkipped = 0
  var ephemeralReceived = 0
  /// Publications that left more than `GeneratorHealth.lateSend` after their intended time because
  /// this program was late.
  var lateSends = 0
  /// By code of `error` messages, and by this program's own labels for nonsense from the server.
  var errors: [String: Int] = [:]
  /// Ends of connections and attempts that this program did not ask for, by label.
  var ends: [String: Int] = [:]

  mutating func add(_ other: LoadCounters) {
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

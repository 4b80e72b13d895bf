/// What the clients of one event loop have lived through. Confined to that loop.
final class LoopTally {
  var counters = LoadCounters()
  var latencies = Latencies()
  private(set) var joined = 0
  /// Clients that ought to be there and have joined at least once.
  var settled = 0
  private(set) var hasEverJoined = false
  /// Why the newest attempt on a target failed, by the target's number.
  private(set) var failures: [Int: String] = [:]
  private var duplicates = OffenderList(.duplicated)
  private var reorderings = OffenderList(.reordered)
  /// When the run began, nanoseconds of the monotonic clock.
  private let start: UInt64

  init(start: UInt64) {
    self.start = start
  }

  /// The first few of each kind.
  var offenders: [Offender] { duplicates.offenders + reorderings.offenders }

  // MARK: Connections

  func clientJoined(again: Bool) {
    joined += 1
    hasEverJoined = true
    if again { counters.reconnects += 1 } else { settled += 1 }
  }

  /// By its own will.
  func clientLeft() {
    joined -= 1
  }

  func clientDisconnected(wasJoined: Bool, target: Int, _ end: ConnectionEnd) {
    counters.ends[end.label, default: 0] += 1
    if wasJoined {
      joined -= 1
      counters.lostConnections += 1
    } else {
      counters.failedAttempts += 1
      failures[target] = end.message
    }
  }

  // MARK: Messages

  func countError(_ code: String) {
    counters.errors[code, default: 0] += 1
  }

  // `now` is on the monotonic clock; nil: the latency does not count.

  /// - Parameter intended: in nanoseconds since the run began.
  func countAcknowledgement(intended: UInt64, now: UInt64?) {
    counters.acknowledged += 1
    if let now { latencies.acknowledge.record(nanoseconds: latency(since: intended, now: now)) }
  }

  func countArrival(
    _ arrival: MemberLedger.Arrival, of publication: Publication, at member: Int, now: UInt64?
  ) {
    let sequences = publication.sequence..<(publication.sequence &+ 1)
    switch arrival {
    case .duplicate:
      counters.duplicated += 1
      duplicates.add(member: member, publisher: publication.publisher, sequences: sequences)
      return
    case .reordered:
      counters.reordered += 1
      reorderings.add(member: member, publisher: publication.publisher, sequences: sequences)
    case .overtaken:
      counters.overtaken += 1
    case .inOrder:
      break
    }
    counters.delivered += 1
    if let now {
      latencies.deliver.record(nanoseconds: latency(since: publication.intended, now: now))
    }
  }

  /// Of a member that reads the history again.
  func countAudited(_ arrival: MemberLedger.Arrival) {
    guard arrival != .duplicate else { return }
    counters.recoveredLate += 1
    counters.delivered += 1
  }

  func countEphemeral(_ publication: Publication, now: UInt64?) {
    counters.ephemeralReceived += 1
    if let now {
      latencies.deliver.record(nanoseconds: latency(since: publication.intended, now: now))
    }
  }

  func countSeen(started: UInt64, now: UInt64?) {
    if let now { latencies.presence.record(nanoseconds: latency(since: started, now: now)) }
  }

  private func latency(since intended: UInt64, now: UInt64) -> UInt64 {
    let intended = start &+ intended
    return now > intended ? now - intended : 0
  }
}

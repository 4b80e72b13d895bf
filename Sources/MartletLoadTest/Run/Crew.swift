/// Those who drive the clients of a run: the event loops of this process, or worker processes.
///
/// Times are nanoseconds since the run began. May be called from any task, one call at a time.
protocol Crew: Sendable {
  /// - Parameter end: from then on nothing becomes due, before another phase begins.
  func begin(phase: Int, at time: UInt64, until end: UInt64) async throws

  /// Nothing becomes due from `time` on, and from now on nobody comes or goes.
  func stop(at time: UInt64) async throws

  /// What has happened so far.
  func status() async throws -> CrewStatus

  /// A fault of the scenario, unless it is a command.
  func inflict(_ fault: Int) async throws

  /// What publishers say, ascending by number.
  func publisherRecords() async throws -> [PublisherRecord]

  /// Which of the publications without an acknowledgement the members have received, by publisher.
  func witnessed(_ records: [PublisherRecord]) async throws -> [Int: SequenceSet]

  func judge(_ published: [PublishedRecord]) async throws -> Verdict

  /// Lets members that miss something ask the history.
  func audit(_ members: [Int]) async throws

  /// Ends every client.
  func finish() async throws -> CrewOutcome
}

/// How a run goes.
struct CrewStatus: Sendable, Codable {
  var totals = RunTotals()
  /// Publications that became due.
  var due = 0
  var hasEverJoined = false
  /// Clients that ought to be there and have joined at least once; they may be away.
  var settled = 0
  /// Why the newest attempt on a target failed, by the target's number.
  var failures: [Int: String] = [:]

  mutating func add(_ other: CrewStatus) {
    totals.add(other.totals)
    due += other.due
    hasEverJoined = hasEverJoined || other.hasEverJoined
    settled += other.settled
    failures.merge(other.failures) { mine, _ in mine }
  }
}

/// What a run leaves behind.
struct CrewOutcome: Sendable, Codable {
  /// What one process has used.
  struct Process: Sendable, Codable {
    var loops: Int
    /// While publications became due.
    var cpuSeconds: Double
    var longestLag: UInt64
    var lateSends: Int
    var due: Int
  }

  var counters = LoadCounters()
  var latencies = LatencyDistributions()
  /// The first few of each kind.
  var offenders: [Offender] = []
  var processes: [Process] = []

  mutating func add(_ other: CrewOutcome) {
    counters.add(other.counters)
    latencies.add(other.latencies)
    offenders += other.offenders
    processes += other.processes
  }
}

/// Workers in other processes. A run is the same to it as to the loops of one process.
struct RemoteCrew: Crew {
  let pool: WorkerPool

  /// Hands the scenario out.
  func prepare(_ scenario: Scenario, run: RunIdentifier, start: Int64) async throws {
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for index in 0..<pool.size {
        let assignment = WorkerAssignment(
          scenario: scenario, run: run, process: index, processes: pool.size, start: start)
        tasks.addTask { _ = try await pool.ask(index, .prepare(assignment)) }
      }
      try await tasks.waitForAll()
    }
  }

  func begin(phase: Int, at time: UInt64, until end: UInt64) async throws {
    _ = try await pool.askAll(.begin(phase: phase, at: time, until: end))
  }

  func stop(at time: UInt64) async throws { _ = try await pool.askAll(.stop(at: time)) }

  func status() async throws -> CrewStatus {
    var sum = CrewStatus()
    for case .status(let status) in try await pool.askAll(.status) { sum.add(status) }
    return sum
  }

  func inflict(_ fault: Int) async throws { _ = try await pool.askAll(.inflict(fault)) }

  func publisherRecords() async throws -> [PublisherRecord] {
    var records: [PublisherRecord] = []
    for case .publisherRecords(let some) in try await pool.askAll(.publisherRecords) {
      records += some
    }
    return records.sorted { $0.number < $1.number }
  }

  func witnessed(_ records: [PublisherRecord]) async throws -> [Int: SequenceSet] {
    var seen: [Int: SequenceSet] = [:]
    for case .witnessed(let some) in try await pool.askAll(.witness(records)) {
      seen.merge(some) { $0.union($1) }
    }
    return seen
  }

  func judge(_ published: [PublishedRecord]) async throws -> Verdict {
    var verdict = Verdict()
    for case .verdict(let part) in try await pool.askAll(.judge(published)) { verdict.add(part) }
    return verdict
  }

  func audit(_ members: [Int]) async throws { _ = try await pool.askAll(.audit(members)) }

  func finish() async throws -> CrewOutcome {
    var sum = CrewOutcome()
    for case .outcome(let part) in try await pool.askAll(.finish) { sum.add(part) }
    return sum
  }
}

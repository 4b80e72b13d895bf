internal import HeapModule
internal import NIOCore

/// All clients of one event loop, their timers and their counts. Confined to that loop; other threads see it through
/// `NIOLoopBound` and take `Sendable` snapshots.
final class LoopWorker {
  /// What the driver looks at while the run goes on.
  struct Snapshot: Sendable {
    var joined = 0
    /// Clients that ought to be there.
    var planned = 0
    /// Those of them that have joined at least once.
    var settled = 0
    var hasEverJoined = false
    var counters = LoadCounters()
    var latencies = LatencyDistributions()
    /// Publications that became due.
    var due = 0
    /// The longest that a loop was late for a timer since the previous snapshot, in nanoseconds.
    var longestLag: UInt64 = 0
    /// Why the newest attempt on a target failed, by the target's number.
    var failures: [Int: String] = [:]

    mutating func add(_ other: Snapshot) {
      joined += other.joined
      planned += other.planned
      settled += other.settled
      hasEverJoined = hasEverJoined || other.hasEverJoined
      counters.add(other.counters)
      latencies.add(other.latencies)
      due += other.due
      longestLag = max(longestLag, other.longestLag)
      failures.merge(other.failures) { mine, _ in mine }
    }
  }

  /// What a loop leaves behind.
  struct Remains: Sendable {
    var counters = LoadCounters()
    var latencies = LatencyDistributions()
    var offenders: [Offender] = []
    var due = 0

    mutating func add(_ other: Remains) {
      counters.add(other.counters)
      latencies.add(other.latencies)
      offenders += other.offenders
      due += other.due
    }
  }

  /// The next publication of a client.
  private struct Due: Comparable {
    /// Place on the axis of work.
    var work: Double
    var client: Int

    static func < (left: Due, right: Due) -> Bool {
      (left.work, left.client) < (right.work, right.client)
    }
  }

  /// Between two looks at how late the loop's timers are.
  private static let lagInterval = TimeAmount.milliseconds(100)

  let context: RunContext
  let eventLoop: any EventLoop
  let dialer: Dialer
  let tally: LoopTally
  private(set) var timeline = Timeline()

  /// Which of all clients are here.
  private let share: Share
  /// Those that have arrived, by number.
  private var clients: [Int: SimulatedClient] = [:]
  private var timetables: [Int: Timetable] = [:]
  private var schedule: Heap<Due> = []
  private let tick: LoopTimer
  /// Of those that are not observers.
  private let leisurely: LeisurelyReader?
  private var isOver = false
  private var planned = 0
  private var due = 0
  private var longestLag: UInt64 = 0
  private var generator = SystemRandomNumberGenerator()
  /// The message being sent; kept for its memory.
  private var scratch = ByteBuffer()

  init(context: RunContext, share: Share, dialer: Dialer) {
    self.context = context
    self.share = share
    self.dialer = dialer
    eventLoop = dialer.eventLoop
    tick = LoopTimer(eventLoop: eventLoop)
    tally = LoopTally(start: context.start)
    let loop = eventLoop
    leisurely = context.scenario.sampling.map {
      LeisurelyReader(eventLoop: loop, interval: $0.readEvery)
    }
    watchLag(expected: .now() + Self.lagInterval)
  }

  // MARK: Phases

  /// - Parameters:
  ///   - time: when the phase begins, in nanoseconds since the run began.
  ///   - end: from then on nothing becomes due.
  func begin(phase index: Int, at time: UInt64, until end: UInt64) {
    let phase = context.scenario.phases[index]
    let turnout = context.plan.turnouts[index]
    timeline.begin(phase, at: time)
    timeline.stop(at: end)
    for number in turnout.arrivals where share.contains(number) {
      let moment = context.plan.moment(
        of: number - turnout.arrivals.lowerBound, among: turnout.arrivals.count, in: phase)
      at(time + moment) { self.arrive(number, at: time + moment) }
    }
    for (position, number) in turnout.departures.enumerated() where share.contains(number) {
      let moment = context.plan.moment(
        of: position, among: turnout.departures.count, in: phase)
      at(time + moment) { self.depart(number) }
    }
    scheduleTick()
  }

  private func at(_ time: UInt64, _ action: @escaping () -> Void) {
    eventLoop.assumeIsolated().scheduleTask(
      deadline: .uptimeNanoseconds(context.start + time), action)
  }

  private func arrive(_ number: Int, at time: UInt64) {
    guard !isOver else { return }
    let client = SimulatedClient(number: number, worker: self)
    clients[number] = client
    if !client.isObserver { leisurely?.add(client) }
    planned += 1
    if let timetable = timeline.timetable(of: number, context.plan) {
      timetables[number] = timetable
      schedule.insert(Due(work: timetable.due, client: number))
      scheduleTick()
    }
    client.connect(intended: context.start + time)
  }

  private func depart(_ number: Int) {
    guard !isOver, let client = clients[number] else { return }
    planned -= 1
    if client.member != nil { tally.settled -= 1 }
    client.leave()
    // What is in the schedule is left out when its turn comes.
    timetables[number] = nil
  }

  /// What is due is due; nothing further becomes due, and nobody comes or goes.
  func stopPublishing(at time: UInt64) {
    timeline.stop(at: time)
    // However late this loop is, or its clock: what was due before is due.
    publishDue(until: time)
    isOver = true
    tick.cancel()
  }

  /// Stops every client and lets go of them. Called once, also when the run could not begin.
  func finish() -> Remains {
    isOver = true
    tick.cancel()
    leisurely?.stop()
    for client in clients.values { client.end() }
    defer {
      clients = [:]
      timetables = [:]
    }
    return Remains(
      counters: tally.counters, latencies: tally.latencies.distributions,
      offenders: tally.offenders, due: due)
  }

  func snapshot() -> Snapshot {
    defer { longestLag = 0 }
    return Snapshot(
      joined: tally.joined, planned: planned, settled: tally.settled,
      hasEverJoined: tally.hasEverJoined, counters: tally.counters,
      latencies: tally.latencies.distributions, due: due, longestLag: longestLag,
      failures: tally.failures)
  }

  // MARK: The schedule

  private func scheduleTick() {
    guard !isOver, let next = schedule.min, let time = timeline.pace.time(of: next.work)
    else { return tick.cancel() }
    let deadline = NIODeadline.uptimeNanoseconds(context.start + time)
    if tick.deadline != deadline { tick.set(deadline) { self.publishDue() } }
  }

  private func publishDue(until end: UInt64 = 0) {
    let now = max(end, NIODeadline.now().uptimeNanoseconds - context.start)
    while !isOver, let next = schedule.min, let time = timeline.pace.time(of: next.work),
      time <= now
    {
      _ = schedule.popMin()
      guard let client = clients[next.client], var timetable = timetables[next.client]
      else { continue }
      if now - time > GeneratorHealth.lateSend { tally.counters.lateSends += 1 }
      if client.isPublisher { due += 1 }
      client.publish(intended: time)
      timetable.advance()
      timetables[next.client] = timetable
      schedule.insert(Due(work: timetable.due, client: next.client))
    }
    scheduleTick()
  }

  private func watchLag(expected: NIODeadline) {
    eventLoop.assumeIsolated().scheduleTask(deadline: expected) {
      guard !self.isOver else { return }
      let now = NIODeadline.now()
      self.longestLag = max(self.longestLag, UInt64(max(0, (now - expected).nanoseconds)))
      self.watchLag(expected: now + Self.lagInterval)
    }
  }

  @discardableResult
  func schedule(
    afterNanoseconds delay: UInt64, _ action: @escaping () -> Void
  ) -> Scheduled<Void> {
    eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(delay)), action)
  }

  // MARK: Faults

  /// - Parameters:
  ///   - fault: its number, which decides who is hit.
  ///   - share: of the clients, from 0 to 1.
  func drop(_ fault: Int, share: Double) {
    for client in hit(by: fault, share: share) { client.drop() }
  }

  func stall(_ fault: Int, share: Double, nanoseconds: UInt64) {
    let stalled = hit(by: fault, share: share)
    for client in stalled { client.setStalled(true) }
    schedule(afterNanoseconds: nanoseconds) {
      for client in stalled { client.setStalled(false) }
    }
  }

  private func hit(by fault: Int, share: Double) -> [SimulatedClient] {
    clients.values.filter {
      context.plan.random.unit(.fault, $0.number, UInt64(fault)) < share
    }
  }

  // MARK: The end

  func publisherRecords() -> [PublisherRecord] {
    clients.values.filter(\.isPublisher).map {
      PublisherRecord(
        number: $0.number, due: $0.outbox.due, unacknowledged: $0.outbox.unacknowledged,
        rejected: $0.outbox.rejected, hasLeft: $0.hasLeft)
    }
  }

  func witnessed(_ records: [PublisherRecord]) -> [Int: SequenceSet] {
    Verdict.witnessed(records, by: clients.values.compactMap(\.member), context.plan)
  }

  func judge(_ published: [PublishedRecord]) -> Verdict {
    Verdict.judge(
      clients.values.compactMap(\.member), published: published, context.plan, timeline)
  }

  func audit(_ numbers: Set<Int>) {
    for number in numbers { clients[number]?.audit() }
  }

  // MARK: Services to the clients

  func write(
    _ publication: Publication, size: Publishing.Size, group: Int, _ format: MessageFormat,
    isAcknowledged: Bool, to transport: any ClientTransport
  ) {
    let bytes: Int
    switch size {
    case .constant(let constant): bytes = constant
    case .uniform(let lowest, let highest):
      bytes = context.plan.random.integer(
        lowest...highest, .size, publication.publisher, UInt64(publication.sequence))
    }
    scratch.clear()
    format.write(publication, size: bytes, group: group, into: &scratch)
    transport.send(scratch, sequence: isAcknowledged ? publication.sequence : nil)
  }

  /// A jittered wait in nanoseconds.
  func drawDelay() -> UInt64 { context.scenario.reconnectDelay.draw(using: &generator) }
}

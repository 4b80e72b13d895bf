import MartletTLS
import NIOCore
import NIOPosix

/// All clients of one event loop, their timers and their counts. Confined to that loop; other
/// threads see it through `NIOLoopBound` and take `Sendable` snapshots.
final class LoopWorker {
  /// What the coordinator looks at while the run goes on.
  struct Snapshot: Sendable {
    var joined = 0
    var hasEverJoined = false
    var counters = LoadCounters()
    /// Deliveries since the previous snapshot.
    var recentDeliveries = LatencyHistogram()
    /// Publications due, and (member, publication) pairs that the acknowledged ones should reach.
    var due = 0
    var expected = 0
    /// Why the newest attempt on a target failed, by the target's number.
    var failures: [Int: String] = [:]

    mutating func add(_ other: Snapshot) {
      joined += other.joined
      hasEverJoined = hasEverJoined || other.hasEverJoined
      counters.add(other.counters)
      recentDeliveries.add(other.recentDeliveries)
      due += other.due
      expected += other.expected
      failures.merge(other.failures) { mine, _ in mine }
    }

    /// Every publication is answered, and every member has what it should have.
    var isComplete: Bool {
      counters.acknowledged + counters.rejected == due && counters.delivered >= expected
    }
  }

  /// What a loop leaves behind.
  struct Outcome: Sendable {
    var counters: LoadCounters
    var latencies: Latencies
    var offenders: [Offender]
    /// By client number.
    var clients: [(number: Int, client: Verdict.Client)]
  }

  /// Between two looks at how late the loop's timers are.
  private static let lagInterval = TimeAmount.milliseconds(100)

  let context: RunContext
  let eventLoop: any EventLoop
  var counters = LoadCounters()
  var latencies = Latencies()

  private var clients: [SimulatedClient] = []
  private var joined = 0
  private var hasEverJoined = false
  private var failures: [Int: String] = [:]
  private var recentDeliveries = LatencyHistogram()
  private var duplicates = OffenderList(.duplicated)
  private var reorderings = OffenderList(.reordered)
  private var generator = SystemRandomNumberGenerator()
  /// Payload of the message being sent; kept for its memory.
  private var scratch = ByteBuffer()

  /// The run phase began, nanoseconds of the monotonic clock.
  private var start: UInt64 = 0
  private var isPublishing = false
  /// The next publication of the schedule: `clients[cursor]`'s number `round`.
  private var cursor = 0
  private var round: UInt32 = 0

  /// - Parameter numbers: of the clients on this loop, ascending, which is the order of their phases.
  init(context: RunContext, eventLoop: any EventLoop, numbers: [Int]) {
    self.context = context
    self.eventLoop = eventLoop
    clients = numbers.map { SimulatedClient(number: $0, worker: self) }
  }

  // MARK: Phases

  /// Spreads the first connects of the whole run's clients over the ramp.
  func startJoining() {
    let ramp = Double(context.settings.ramp.nanoseconds)
    for client in clients {
      let delay = ramp * Double(client.number) / Double(context.settings.clients)
      schedule(afterNanoseconds: UInt64(delay)) { client.connect() }
    }
  }

  /// - Parameter start: when the run phase begins, nanoseconds of the monotonic clock.
  func startPublishing(at start: UInt64) {
    self.start = start
    isPublishing = true
    counters.longestLag = 0
    watchLag(expected: .uptimeNanoseconds(start))
    scheduleTick()
  }

  /// What is due is due; nothing further becomes due.
  func stopPublishing() {
    isPublishing = false
  }

  /// Stops every client and lets go of them. Called once, also when the run could not begin.
  func finish() -> Outcome {
    defer { clients = [] }
    isPublishing = false
    for client in clients { client.stop() }
    return Outcome(
      counters: counters, latencies: latencies,
      offenders: duplicates.offenders + reorderings.offenders,
      clients: clients.map { ($0.number, $0.outcome) })
  }

  func snapshot() -> Snapshot {
    var snapshot = Snapshot(
      joined: joined, hasEverJoined: hasEverJoined, counters: counters,
      recentDeliveries: recentDeliveries, failures: failures)
    recentDeliveries.reset()
    for client in clients {
      let due = Int(client.outbox.due)
      let members = context.members(ofGroup: context.group(of: client.number))
      snapshot.due += due
      snapshot.expected += (due - client.outbox.rejected.count) * members
    }
    return snapshot
  }

  // MARK: The schedule

  private func scheduleTick() {
    guard isPublishing, cursor < clients.count else { return }
    let number = clients[cursor].number
    // Phases grow with the number: when this one has no more, neither have those behind it.
    guard round < context.schedule.count(publisher: number) else { return }
    let due = start + context.schedule.intended(publisher: number, sequence: round)
    eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(due)) { self.tick() }
  }

  private func tick() {
    let now = NIODeadline.now().uptimeNanoseconds
    while isPublishing {
      let client = clients[cursor]
      guard round < context.schedule.count(publisher: client.number) else { return }
      let due = start + context.schedule.intended(publisher: client.number, sequence: round)
      guard due <= now else { break }
      if now - due > GeneratorHealth.lateSend { counters.lateSends += 1 }
      client.publish()
      cursor += 1
      if cursor == clients.count {
        cursor = 0
        round += 1
      }
    }
    scheduleTick()
  }

  private func watchLag(expected: NIODeadline) {
    eventLoop.assumeIsolated().scheduleTask(deadline: expected) {
      guard self.isPublishing else { return }
      let now = NIODeadline.now()
      let lag = UInt64(max(0, (now - expected).nanoseconds))
      self.counters.longestLag = max(self.counters.longestLag, lag)
      self.watchLag(expected: now + Self.lagInterval)
    }
  }

  @discardableResult
  func schedule(
    afterNanoseconds delay: UInt64, _ action: @escaping () -> Void
  ) -> Scheduled<Void> {
    eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(delay)), action)
  }

  // MARK: Services to the clients

  func connect(to target: Int, client: SimulatedClient, onFailure: @escaping (String) -> Void) {
    let bound = NIOLoopBound(client, eventLoop: eventLoop)
    let host = context.settings.targets[target].host
    let tls = context.settings.targets[target].isSecure ? context.tls : nil
    ClientBootstrap(group: eventLoop)
      .connectTimeout(SimulatedClient.attemptTimeout)
      // One read for each readiness: the second of the default would nearly always find nothing.
      .channelOption(.maxMessagesPerRead, value: 1)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls {
            try pipeline.addHandler(TLSHandler.client(tls, serverName: host))
          }
          try pipeline.addHandler(bound.value.makeHandler(for: channel))
        }
      }
      .connect(to: context.addresses[target])
      .assumeIsolated()
      .whenFailure { onFailure(ConnectError.describe($0)) }
  }

  func write(_ send: Outbox.Send, publisher: Int, to channel: any Channel) {
    let publication = EventTemplate.Publication(
      publisher: publisher, sequence: send.sequence,
      intended: context.schedule.intended(publisher: publisher, sequence: send.sequence),
      isRetry: send.isRetry)
    scratch.clear()
    context.template.write(publication, into: &scratch)
    channel.write(scratch, promise: nil)
    if send.isRepeat { counters.resent += 1 } else { counters.sent += 1 }
  }

  func nonce() -> [UInt8] {
    (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  /// A jittered wait in nanoseconds.
  func drawDelay() -> UInt64 { context.settings.reconnectDelay.draw(using: &generator) }

  func clientJoined(again: Bool) {
    joined += 1
    hasEverJoined = true
    if again { counters.reconnects += 1 }
  }

  func clientDisconnected(wasJoined: Bool, target: Int, _ end: ConnectionEnd) {
    counters.ends[end.label, default: 0] += 1
    if wasJoined {
      joined -= 1
    } else {
      counters.failedAttempts += 1
      failures[target] = end.message
    }
  }

  func countError(_ code: String) {
    counters.errors[code, default: 0] += 1
  }

  func countAcknowledgement(publisher: Int, sequence: UInt32, now: UInt64) {
    counters.acknowledged += 1
    let intended = start + context.schedule.intended(publisher: publisher, sequence: sequence)
    latencies.acknowledge.record(nanoseconds: now > intended ? now - intended : 0)
  }

  func countArrival(
    _ arrival: MemberLedger.Arrival, of publication: ServerMessage.Publication, at member: Int,
    now: UInt64
  ) {
    let sequences = publication.sequence..<(publication.sequence + 1)
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
    let intended = start &+ publication.intended
    let latency = now > intended ? now - intended : 0
    latencies.deliver.record(nanoseconds: latency)
    recentDeliveries.record(nanoseconds: latency)
  }
}

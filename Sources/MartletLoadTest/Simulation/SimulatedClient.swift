internal import NIOCore

/// One simulated client: one connection at a time, a member of one group, maybe a publisher.
///
/// Confined to its worker's event loop. What to send is the outbox's decision, what an arrival means the ledger's; this type
/// connects them to a transport and to timers.
final class SimulatedClient: ClientTransportDelegate {
  private enum State {
    /// Between connections, or before the first. Can transition to: joining, gone.
    case idle
    /// From the start of a connect to the completed join. Can transition to: idle, joined, gone.
    case joining
    /// Can transition to: idle, away, gone.
    case joined
    /// Has left for a while by its own will. Can transition to: joining, gone.
    case away
    /// Has left for good, or the run is over; nothing is counted any more.
    case gone
  }

  /// The longest from the start of a connect to the completed join.
  static let attemptTimeout = TimeAmount.seconds(10)
  /// A server's `reconnect_after` beyond this is cut, in nanoseconds.
  static let longestDrainDelay: UInt64 = 60_000_000_000

  let number: Int
  private let place: Plan.Client
  private let behaviour: Behaviour
  private let format: MessageFormat
  /// A cycle, which `LoopWorker.finish()` breaks: callbacks may outlive the worker's other owners.
  private let worker: LoopWorker
  /// Its latencies count.
  let isObserver: Bool
  /// By a fault.
  private var isStalled = false
  private var state = State.idle
  private var target: Int
  private var transport: (any ClientTransport)?
  private var position: Position?
  /// Before the first offset that did not follow: what is missed at the end is looked for from here.
  private var gap: Position?
  private var attendance: Attendance?
  private(set) var ledger: MemberLedger?
  private(set) var outbox = Outbox()
  /// Of ephemeral publications, which have no outbox.
  private var ephemeralSequence: UInt32 = 0
  /// Until then it was away by its own will, or did not read, in nanoseconds since the run began: how long that took is not the
  /// server's latency.
  private var presentSince: UInt64 = 0
  /// When this attempt was meant to begin, on the monotonic clock.
  private var attemptStart: UInt64 = 0
  private var attemptTimer: Scheduled<Void>?
  private var stayTimer: Scheduled<Void>?
  private var visits: UInt64 = 0
  private var isRetryScheduled = false
  /// Nanoseconds that a draining gateway asked to wait.
  private var drainDelay: UInt64 = 0
  /// It reads again, from before its gap, what the history still has.
  private var isAuditing = false

  init(number: Int, worker: LoopWorker) {
    let plan = worker.context.plan
    self.number = number
    self.worker = worker
    place = plan.clients[number]
    behaviour = plan.behaviour(of: number)
    format = worker.context.formats[place.behaviour]
    target = plan.target(of: number)
    isObserver = plan.isObserver(number)
  }

  var isPublisher: Bool { place.publisher != nil }

  /// For good, before the end of the run.
  var hasLeft: Bool { attendance?.left != nil }

  var isJoined: Bool {
    if case .joined = state { true } else { false }
  }

  // MARK: Connecting

  /// - Parameter intended: when it was meant to, on the monotonic clock.
  func connect(intended: UInt64) {
    switch state {
    case .idle: break
    case .away: presentSince = intended - worker.context.start
    case .joining, .joined, .gone: return
    }
    state = .joining
    attemptStart = intended
    worker.tally.counters.attempts += 1
    attemptTimer = worker.schedule(afterNanoseconds: UInt64(Self.attemptTimeout.nanoseconds)) {
      guard case .joining = self.state else { return }
      self.transport?.abort()
      self.transportDidEnd(.timedOut)
    }
    let dial = worker.context.dial(
      client: number, target: target, position: isAuditing ? gap ?? position : position,
      started: intended &- worker.context.start)
    transport = worker.dialer.dial(dial, delegate: self)
  }

  func transportDidOpen() {
    guard case .joining = state else { return }
    let now = NIODeadline.now().uptimeNanoseconds
    worker.tally.latencies.connect.record(nanoseconds: now > attemptStart ? now - attemptStart : 0)
    if let message = format.joinMessage(client: number, group: place.groupNumber) {
      transport?.send(message, sequence: nil)
      transport?.flush()
    }
    if format.joinsByItself { join(nil, nil, now: now) }
  }

  func transportDidEnd(_ end: ConnectionEnd) {
    let wasJoined: Bool
    switch state {
    case .idle, .away, .gone: return
    case .joining: wasJoined = false
    case .joined: wasJoined = true
    }
    disconnect()
    state = .idle
    worker.tally.clientDisconnected(wasJoined: wasJoined, target: target, end)
    target = (target + 1) % worker.context.addresses.count
    reconnect(afterNanoseconds: max(worker.drawDelay(), drainDelay))
    drainDelay = 0
  }

  private func reconnect(afterNanoseconds delay: UInt64) {
    let intended = NIODeadline.now().uptimeNanoseconds + delay
    worker.schedule(afterNanoseconds: delay) { self.connect(intended: intended) }
  }

  private func disconnect() {
    attemptTimer?.cancel()
    attemptTimer = nil
    stayTimer?.cancel()
    stayTimer = nil
    transport = nil
    outbox.disconnected()
  }

  // MARK: Leaving

  /// Leaves for good.
  func leave() {
    read()
    attendance?.left = NIODeadline.now().uptimeNanoseconds - worker.context.start
    end()
  }

  /// The run is over: closes the connection.
  func end() {
    let transport = transport
    let wasJoined = isJoined
    disconnect()
    state = .gone
    if wasJoined { worker.tally.clientLeft() }
    transport?.close()
  }

  /// As a crash of the client's network would; it comes back.
  func drop() {
    read()
    guard let transport, isJoined else { return }
    transport.abort()
    transportDidEnd(.dropped)
  }

  // MARK: Reading

  func setStalled(_ isStalled: Bool) {
    self.isStalled = isStalled
    if !isStalled { presentSince = NIODeadline.now().uptimeNanoseconds - worker.context.start }
    updateReading()
  }

  /// It joins and asks the history as everybody does: only in between it may take its time.
  private var readsOnDemand: Bool {
    !isObserver && isJoined && !isAuditing && !outbox.isRetrying
  }

  private func updateReading() {
    transport?.setReading(isStalled ? .paused : readsOnDemand ? .onDemand : .atOnce)
  }

  /// While an answer decides what leaves next, it must not wait for the client's turn.
  private func retryingMayHaveChanged(from wasRetrying: Bool) {
    if !isObserver, outbox.isRetrying != wasRetrying { updateReading() }
  }

  /// Its turn, if it does not read at once. Also before it goes: what has come by then, others would have read.
  func read() {
    if readsOnDemand, !isStalled { transport?.read() }
  }

  /// Nil when the latency does not count.
  private func timed(_ now: UInt64) -> UInt64? { isObserver ? now : nil }

  private func startStay() {
    guard let stay = behaviour.stay, !isAuditing else { return }
    visits += 1
    let random = worker.context.plan.random
    stayTimer = worker.schedule(
      afterNanoseconds: random.nanoseconds(stay, .stay, number, visits)
    ) {
      self.read()
      guard case .joined = self.state else { return }
      let transport = self.transport
      self.disconnect()
      self.state = .away
      self.worker.tally.clientLeft()
      transport?.close()
      self.reconnect(
        afterNanoseconds: random.nanoseconds(self.behaviour.away, .away, self.number, self.visits))
    }
  }

  // MARK: Receiving

  func transportDidReceive(_ text: Span<UInt8>, now: UInt64) {
    if case .gone = state { return }
    let message: ServerMessage
    do throws(MalformedJSON) {
      message = try format.parse(text)
    } catch {
      worker.tally.countError("malformed_message")
      return
    }
    switch message {
    case .publication(var publication, let offset, let epoch):
      publication.intended = max(publication.intended, presentSince)
      receive(publication, offset: offset, epoch: epoch, now: now)
    case .acknowledgement(let sequence): acknowledge(sequence, now: now)
    case .foreign(let offset, let epoch):
      guard let offset else { return }
      worker.tally.counters.foreign += 1
      movePosition(to: offset, epoch)
    case .established(let position, let recovered): join(position, recovered, now: now)
    case .resync(let position):
      worker.tally.counters.resyncs += 1
      self.position = position
    case .error(let code, let sequence): refuse(sequence, code: code)
    case .draining(let milliseconds):
      let longest = Self.longestDrainDelay / 1_000_000
      drainDelay = min(milliseconds ?? 0, longest) * 1_000_000
    case .userJoined(let started):
      guard behaviour.watchesPresence, let started else { return }
      worker.tally.countSeen(started: max(started, presentSince), now: timed(now))
    }
  }

  private func join(_ position: Position?, _ recovered: Bool?, now: UInt64) {
    guard case .joining = state else {
      worker.tally.countError("unexpected_connection_established")
      return
    }
    attemptTimer?.cancel()
    attemptTimer = nil
    state = .joined
    let latency = now > attemptStart ? now - attemptStart : 0
    worker.tally.latencies.join.record(nanoseconds: latency)
    // A position was sent along: the server must say whether it recovered from it.
    if self.position != nil, !isAuditing {
      if recovered == true {
        worker.tally.counters.recovered += 1
        worker.tally.latencies.recover.record(nanoseconds: latency)
      } else {
        worker.tally.counters.notRecovered += 1
      }
    }
    self.position = position
    worker.tally.clientJoined(again: attendance != nil)
    if attendance == nil { begin(now: now) }
    outbox.connected()
    if isStalled || readsOnDemand { updateReading() }
    startStay()
    pump()
  }

  /// The first join: from now on it is owed what its group publishes.
  private func begin(now: UInt64) {
    let time = now - worker.context.start
    let isFirst = worker.timeline.pace.work(at: time) == 0
    attendance = Attendance(joined: isFirst ? 0 : time)
    let publishers = worker.context.plan.publishers[place.group].count
    ledger = MemberLedger(publishers: publishers, isLate: !isFirst)
  }

  private func receive(
    _ publication: Publication, offset: UInt64?, epoch: String?, now: UInt64
  ) {
    let plan = worker.context.plan
    // What no client of this run can have published is the server's invention.
    guard plan.clients.indices.contains(publication.publisher),
      plan.clients[publication.publisher].group == place.group,
      Double(publication.sequence) <= ScenarioLimits.publicationsPerClient
    else { return worker.tally.countError("impossible_publication") }
    let isBehind = offset.map { !movePosition(to: $0, epoch) } ?? false
    guard let publisher = plan.clients[publication.publisher].publisher else {
      return worker.tally.countEphemeral(publication, now: timed(now))
    }
    let arrival = ledger?.record(
      publisher: publisher, sequence: publication.sequence, isRetry: publication.isRetry,
      isBehindOffset: isBehind && !isAuditing)
    guard let arrival else { return worker.tally.countError("publication_before_join") }
    if isAuditing { return worker.tally.countAudited(arrival) }
    worker.tally.countArrival(arrival, of: publication, at: number, now: timed(now))
    if publication.publisher == number, case .ownDelivery = format.acknowledgement {
      acknowledge(publication.sequence, now: now)
    }
  }

  /// - Returns: false when the offset is not above the position.
  @discardableResult
  private func movePosition(to offset: UInt64, _ epoch: String?) -> Bool {
    guard let current = position?.offset else { return true }
    guard offset > current else { return false }
    if offset > current + 1, gap == nil { gap = position }
    if let epoch { position?.epoch = epoch }
    position?.offset = offset
    return true
  }

  private func acknowledge(_ sequence: UInt32?, now: UInt64) {
    let wasRetrying = outbox.isRetrying
    guard let sequence, let intended = outbox.acknowledged(sequence) else {
      // A repetition of an own delivery is counted as a duplicate already.
      if case .message = format.acknowledgement { worker.tally.countError("unexpected_ack") }
      return
    }
    worker.tally.countAcknowledgement(intended: max(intended, presentSince), now: timed(now))
    retryingMayHaveChanged(from: wasRetrying)
    // Publications may have waited behind one that was being retried.
    pump()
  }

  private func refuse(_ sequence: UInt32?, code: String) {
    worker.tally.countError(code)
    guard let sequence else { return }
    let wasRetrying = outbox.isRetrying
    defer { retryingMayHaveChanged(from: wasRetrying) }
    if code == "unavailable" {
      if outbox.refusedForNow(sequence) { scheduleRetry() }
    } else if outbox.refusedForGood(sequence) {
      worker.tally.counters.rejected += 1
      pump()
    }
  }

  private func scheduleRetry() {
    guard !isRetryScheduled else { return }
    isRetryScheduled = true
    worker.schedule(afterNanoseconds: worker.drawDelay()) {
      self.isRetryScheduled = false
      self.outbox.retryDelayOver()
      self.pump()
    }
  }

  // MARK: Publishing

  /// The next publication of the schedule is due.
  func publish(intended: UInt64) {
    if case .gone = state { return }
    guard isPublisher else { return publishEphemeral(intended: intended) }
    outbox.becomeDue(intended: intended)
    pump()
  }

  private func publishEphemeral(intended: UInt64) {
    ephemeralSequence += 1
    guard case .joined = state, let transport, let publishing = behaviour.publishing else {
      worker.tally.counters.ephemeralSkipped += 1
      return
    }
    worker.write(
      Publication(
        publisher: number, sequence: ephemeralSequence - 1, intended: intended, isRetry: false),
      size: publishing.size, group: place.groupNumber, format, isAcknowledged: false,
      to: transport)
    transport.flush()
    worker.tally.counters.ephemeralSent += 1
  }

  private func pump() {
    guard case .joined = state, let transport, let publishing = behaviour.publishing
    else { return }
    var hasWritten = false
    while let send = outbox.next() {
      worker.write(
        Publication(
          publisher: number, sequence: send.sequence, intended: max(send.intended, presentSince),
          isRetry: send.isRetry), size: publishing.size, group: place.groupNumber, format,
        isAcknowledged: true, to: transport)
      if send.isRepeat {
        worker.tally.counters.resent += 1
      } else {
        worker.tally.counters.sent += 1
      }
      hasWritten = true
      if case .none = format.acknowledgement {
        acknowledge(send.sequence, now: NIODeadline.now().uptimeNanoseconds)
      }
    }
    if hasWritten { transport.flush() }
  }

  // MARK: The end

  var member: Verdict.Member? {
    guard let ledger, let attendance else { return nil }
    return Verdict.Member(number: number, attendance: attendance, ledger: ledger)
  }

  /// Comes back to read from before its gap; then nothing but what it had missed counts.
  func audit() {
    guard position != nil else { return }
    switch state {
    case .gone: return
    case .idle, .joining, .joined, .away: break
    }
    read()
    isAuditing = true
    let transport = transport
    if isJoined { worker.tally.clientLeft() }
    disconnect()
    state = .idle
    transport?.close()
    connect(intended: NIODeadline.now().uptimeNanoseconds)
  }
}

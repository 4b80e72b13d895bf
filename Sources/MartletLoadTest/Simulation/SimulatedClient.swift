import NIOCore

/// One simulated client: one connection at a time, a member of one group, one publisher.
///
/// Confined to its worker's event loop. What to send is the outbox's decision, what an arrival means
/// the ledger's; this type connects them to a socket and to timers.
final class SimulatedClient: WebSocketClientDelegate {
  private enum State {
    /// Between connections, or before the first.
    case idle
    /// From the start of a connect to `connection_established`.
    case joining
    case joined
    /// The run is over; nothing is counted any more.
    case stopped
  }

  /// The longest from the start of a connect to `connection_established`.
  static let attemptTimeout = TimeAmount.seconds(10)
  /// A server's `reconnect_after` beyond this is cut, in nanoseconds.
  static let longestDrainDelay: UInt64 = 60_000_000_000

  let number: Int
  private let group: Int
  /// A cycle, which `LoopWorker.finish()` breaks: callbacks may outlive the worker's other owners.
  private let worker: LoopWorker
  private var state = State.idle
  private var target: Int
  private var position: Position?
  private(set) var ledger: MemberLedger
  private(set) var outbox = Outbox()
  private var channel: (any Channel)?
  /// Which attempt to connect is the current one; callbacks of older ones are ignored.
  private var attempt = 0
  private var attemptStart: UInt64 = 0
  private var attemptTimer: Scheduled<Void>?
  private var hasJoinedBefore = false
  private var isRetryScheduled = false
  /// Nanoseconds that a draining gateway asked to wait.
  private var drainDelay: UInt64 = 0

  init(number: Int, worker: LoopWorker) {
    let context = worker.context
    self.number = number
    self.worker = worker
    group = context.group(of: number)
    target = number % context.addresses.count
    ledger = MemberLedger(publishers: context.members(ofGroup: group))
  }

  // MARK: Connecting

  func connect() {
    guard case .idle = state else { return }
    state = .joining
    attempt += 1
    attemptStart = NIODeadline.now().uptimeNanoseconds
    worker.counters.attempts += 1
    let attempt = attempt
    attemptTimer = worker.schedule(afterNanoseconds: UInt64(Self.attemptTimeout.nanoseconds)) {
      guard self.attempt == attempt, case .joining = self.state else { return }
      self.abandon(.timedOut)
    }
    worker.connect(to: target, client: self) { error in
      guard self.attempt == attempt, case .joining = self.state else { return }
      self.webSocketDidEnd(.connectFailed(error))
    }
  }

  /// Called while the channel is set up: the handler of this attempt.
  func makeHandler(for channel: any Channel) -> WebSocketClientHandler {
    self.channel = channel
    let context = worker.context
    let handshake = UpgradeHandshake(nonce: worker.nonce())
    let request = handshake.request(
      authority: context.settings.targets[target].authority,
      path: context.requestTarget(group: group, position: position),
      token: context.settings.token)
    return WebSocketClientHandler(handshake: handshake, request: request, delegate: self)
  }

  func webSocketDidOpen() {
    let now = NIODeadline.now().uptimeNanoseconds
    worker.latencies.connect.record(nanoseconds: now - attemptStart)
  }

  func webSocketDidEnd(_ end: ConnectionEnd) {
    let wasJoined: Bool
    switch state {
    case .idle, .stopped: return
    case .joining: wasJoined = false
    case .joined: wasJoined = true
    }
    attemptTimer?.cancel()
    attemptTimer = nil
    channel = nil
    state = .idle
    outbox.disconnected()
    worker.clientDisconnected(wasJoined: wasJoined, target: target, end)

    target = (target + 1) % worker.context.addresses.count
    let delay = worker.drawDelay()
    worker.schedule(afterNanoseconds: max(delay, drainDelay)) { self.connect() }
    drainDelay = 0
  }

  private func abandon(_ end: ConnectionEnd) {
    let abandoned = channel
    webSocketDidEnd(end)
    abandoned?.close(promise: nil)
  }

  /// The run is over: closes the connection.
  func stop() {
    state = .stopped
    attemptTimer?.cancel()
    channel?.close(promise: nil)
    channel = nil
  }

  // MARK: Receiving

  func webSocketDidReceive(_ text: Span<UInt8>, now: UInt64) {
    if case .stopped = state { return }
    let message: ServerMessage
    do throws(MalformedJSON) {
      message = try ServerMessage.parse(text, run: worker.context.run)
    } catch {
      worker.countError("malformed_message")
      return
    }
    switch message {
    case .publication(let publication): receive(publication, now: now)
    case .acknowledgement(let sequence): acknowledge(sequence, now: now)
    case .foreign(let offset, let epoch):
      guard let offset else { return }
      worker.counters.foreign += 1
      movePosition(to: offset, epoch)
    case .established(let position, let recovered): join(position, recovered, now: now)
    case .resync(let position):
      worker.counters.resyncs += 1
      self.position = position
    case .error(let code, let sequence): refuse(sequence, code: code)
    case .draining(let milliseconds):
      let longest = Self.longestDrainDelay / 1_000_000
      drainDelay = min(milliseconds ?? 0, longest) * 1_000_000
    }
  }

  private func join(_ position: Position?, _ recovered: Bool?, now: UInt64) {
    guard case .joining = state else {
      worker.countError("unexpected_connection_established")
      return
    }
    attemptTimer?.cancel()
    attemptTimer = nil
    state = .joined
    worker.latencies.join.record(nanoseconds: now - attemptStart)
    // A position was sent along: the server must say whether it recovered from it.
    if self.position != nil {
      if recovered == true {
        worker.counters.recovered += 1
      } else {
        worker.counters.notRecovered += 1
      }
    }
    self.position = position
    worker.clientJoined(again: hasJoinedBefore)
    hasJoinedBefore = true
    outbox.connected()
    pump()
  }

  private func receive(_ publication: ServerMessage.Publication, now: UInt64) {
    let groups = worker.context.settings.groups
    // What no client of this run can have published is the server's invention.
    guard publication.publisher >= 0, publication.publisher < worker.context.settings.clients,
      publication.publisher % groups == group,
      publication.sequence < worker.context.sequenceLimit
    else {
      worker.countError("impossible_publication")
      return
    }
    let isBehind = publication.offset.map { !movePosition(to: $0, publication.epoch) } ?? false
    let arrival = ledger.record(
      publisher: publication.publisher / groups, sequence: publication.sequence,
      isRetry: publication.isRetry, isBehindOffset: isBehind)
    worker.countArrival(arrival, of: publication, at: number, now: now)
  }

  /// - Returns: false when the offset is not above the position.
  @discardableResult
  private func movePosition(to offset: UInt64, _ epoch: String?) -> Bool {
    guard let current = position?.offset else { return true }
    guard offset > current else { return false }
    if let epoch { position?.epoch = epoch }
    position?.offset = offset
    return true
  }

  private func acknowledge(_ sequence: UInt32?, now: UInt64) {
    guard let sequence, outbox.acknowledged(sequence) else {
      worker.countError("unexpected_ack")
      return
    }
    worker.countAcknowledgement(publisher: number, sequence: sequence, now: now)
    // Publications may have waited behind one that was being retried.
    pump()
  }

  private func refuse(_ sequence: UInt32?, code: String) {
    worker.countError(code)
    guard let sequence else { return }
    if code == "unavailable" {
      if outbox.refusedForNow(sequence) { scheduleRetry() }
    } else if outbox.refusedForGood(sequence) {
      worker.counters.rejected += 1
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
  func publish() {
    outbox.becomeDue()
    pump()
  }

  private func pump() {
    guard case .joined = state, let channel else { return }
    var hasWritten = false
    while let send = outbox.next() {
      worker.write(send, publisher: number, to: channel)
      hasWritten = true
    }
    if hasWritten { channel.flush() }
  }

  var outcome: Verdict.Client {
    Verdict.Client(ledger: ledger, due: outbox.due, unacknowledged: outbox.unacknowledged)
  }
}

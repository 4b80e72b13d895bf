internal import NIOCore

extension HTTP2Connection {
  /// Tells the PING of a graceful end from others.
  static let drainPing: UInt64 = 0x6d61_7274_6c65_7421
  /// How often in ``HTTP2Configuration/stallTimeout`` is looked at what does not move.
  private static let stallChecks: Int64 = 4

  // MARK: Graceful end

  /// Lets the streams come to their ends, refuses new ones, and closes.
  func goAway() {
    guard drain == .none, phase == .open else { return }
    drain = .announced
    guard isServer else { return sendFinalGoAway() }
    // What the client sends before it knows is still served. Its answer to the PING shows that it
    // knows, and that all it sent before has arrived.
    session.submitShutdownNotice()
    session.submitPing(Self.drainPing)
    drainTimer = schedule(in: configuration.drainNoticeTimeout) { self.sendFinalGoAway() }
    scheduleFlush()
  }

  func sendFinalGoAway() {
    guard drain == .announced, phase == .open else { return }
    drain = .final
    drainTimer?.cancel()
    session.submitGoAway(.noError)
    scheduleFlush()
  }

  // MARK: Idle connections

  func becomeIdle() {
    idleSince = now
    guard let timeout = idleTimeout, idleTimer == nil, isServer else { return }
    idleTimer = schedule(in: timeout) { self.checkIdle() }
  }

  private var idleTimeout: TimeAmount? {
    hasHadRequest
      ? configuration.idleTimeout : configuration.firstRequestTimeout ?? configuration.idleTimeout
  }

  private func checkIdle() {
    idleTimer = nil
    guard let idleSince, let timeout = idleTimeout else { return }
    let left = idleSince + timeout - now
    guard left > .zero else { return goAway() }
    idleTimer = schedule(in: left) { self.checkIdle() }
  }

  // MARK: Stalls

  func armStallTimer() {
    guard let timeout = configuration.stallTimeout, stallTimer == nil,
      pendingBytes > 0 || unwritten > 0
    else { return }
    let pause = TimeAmount.nanoseconds(max(timeout.nanoseconds / Self.stallChecks, 1))
    stallTimer = schedule(in: pause) { self.checkStalls(timeout) }
  }

  private func checkStalls(_ timeout: TimeAmount) {
    stallTimer = nil
    let now = now
    if unwritten > 0 {
      let since = unwrittenSince ?? now
      unwrittenSince = since
      // Not even a GOAWAY would leave.
      guard now - since < timeout else { return abort() }
    }
    for stream in Array(streams.values) where stream.pendingBytes > 0 {
      let since = stream.stalledSince ?? now
      stream.stalledSince = since
      if now - since >= timeout { stream.closeAsStalled() }
    }
    armStallTimer()
  }
}

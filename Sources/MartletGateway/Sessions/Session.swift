internal import MartletAccess
internal import MartletBackplane
internal import MartletCore
internal import MartletPresence
internal import MartletProtocol
internal import NIOCore

/// The server's side of one client: who it is, which groups it is in, what it may send.
///
/// Knows nothing of its transport but ``SessionTransport``. Confined to its hub's event loop.
final class Session: TransportOwner {
  private enum State {
    /// The join of the path's group is under way; messages wait.
    /// Can transition to: live, closed.
    case joining(early: [ByteBuffer])
    /// A member of its group. Can transition to: closed.
    case live
    case closed
  }

  /// Messages that may wait for the join; then reading stops.
  private static let maximumEarlyMessages = 16
  /// Requests without an answer; then reading stops until half of them have one.
  private static let maximumInFlight = 256
  /// How long before the end of its token a client is told, in seconds.
  static let expiryNotice: Int64 = 30

  /// Where the connection comes from, for backends: a JSON object.
  let origin: String
  /// Who it is, as the token or the application's back end says.
  private(set) var subject: AccessSubject
  /// Seconds since 1970 at which the token ends; nil without one.
  private var expires: Int64?
  let transport: any SessionTransport
  /// The group that the connection's path leads to.
  let primary: Subscription
  /// Groups that were joined later.
  private(set) var others: [Subscription] = []
  unowned let hub: Hub
  /// When the connection has lived long enough; nil: never.
  private let end: NIODeadline?
  private var state = State.joining(early: [])
  /// Completes when the last event that somebody is asked about has been decided; nil if none is.
  private(set) var lastCheck: EventLoopFuture<Void>?
  private var publishing: TokenBucket?
  private var inFlight = 0
  private var isPaused = false
  private var liveness: Liveness
  private var isToldOfExpiry = false

  init(
    subject: AccessSubject, expires: Int64?, origin: String, primary: Subscription,
    transport: any SessionTransport, until end: NIODeadline? = nil, hub: Hub
  ) {
    self.subject = subject
    self.expires = expires
    self.origin = origin
    self.primary = primary
    self.transport = transport
    self.end = end
    self.publishing = hub.services.limits.publishing
    self.hub = hub
    self.liveness = Liveness(now: hub.now)
    primary.attach(self)
  }

  var kind: TransportKind { transport.kind }
  var connectionID: String { subject.connectionID }
  var user: User { subject.user }

  var isOpen: Bool {
    if case .closed = state { false } else { true }
  }

  // MARK: Life

  /// The session is a member of the group that its path leads to: what the client sent meanwhile is handled.
  func becameLive() {
    guard case .joining(let early) = state else { return }
    state = .live
    updateReading()
    for message in early { received(message) }
  }

  /// Leaves its groups and tells the client why. Idempotent.
  func close(_ reason: CloseReason) {
    guard isOpen else { return }
    end(reason)
    transport.close(reason)
  }

  func drain(reconnectAfter: Int64) {
    guard isOpen else { return }
    transport.send(text: ServerFrame.draining(reconnectAfter: reconnectAfter))
    close(.draining)
  }

  func abort() {
    transport.abort()
  }

  var unsentBytes: Int { transport.unsentBytes }

  /// The connection is gone.
  func transportClosed() {
    if isOpen { end(.normal) }
    hub.closed(self)
  }

  private func end(_ reason: CloseReason) {
    state = .closed
    hub.counts.closes[reason, default: 0] += 1
    hub.leave(primary)
    for subscription in others { hub.leave(subscription) }
    others = []
  }

  // MARK: Liveness

  /// The client has sent something.
  func heard() {
    liveness.heard(now: hub.now)
  }

  /// - Parameter wallClock: seconds since 1970.
  func sweep(now: NIODeadline, wallClock: Int64) {
    guard isOpen else { return }
    if let expires {
      if expires <= wallClock { return close(.unauthenticated) }
      if expires - wallClock <= Self.expiryNotice, !isToldOfExpiry, case .live = state {
        isToldOfExpiry = true
        transport.send(text: ServerFrame.tokenExpiring(expires: expires))
      }
    }
    primary.presence?.sweep(now: now)
    for subscription in others { subscription.presence?.sweep(now: now) }
    if let end, end <= now { return close(.connectionAge) }
    let limits = hub.services.limits
    let interval = transport.heartbeat ?? limits.pingInterval
    switch liveness.check(now: now, interval: interval, timeout: limits.pingTimeout) {
    case .nothing: break
    case .ping: transport.ping()
    case .end: if !hub.wasHeldUp { close(.idle) }
    }
  }

  // MARK: Messages

  /// A text message of the client.
  func received(_ message: ByteBuffer) {
    switch state {
    case .joining(var early):
      early.append(message)
      state = .joining(early: early)
      updateReading()
    case .live:
      do throws(RefusedFrame) {
        try handle(ClientFrame.parse(message))
      } catch {
        refuse(error)
      }
    case .closed:
      break
    }
  }

  private func handle(_ frame: ClientFrame) throws(RefusedFrame) {
    switch frame {
    case .ping(let reference): transport.send(text: ServerFrame.pong(reference))
    case .presence(let request): try answer(request)
    case .presenceUpdate(let update): try change(update)
    case .subscribe(let request): try subscribe(request)
    case .unsubscribe(let request): try unsubscribe(request)
    case .refresh(let request): refresh(request)
    case .event(let event): try publish(event)
    }
  }

  func receivedBinary(_ message: ByteBuffer) {
    refuse(
      RefusedFrame(refusal: Refusal(.binary, "messages are JSON in text frames"), reference: nil))
  }

  /// Answers with an `error` frame; the session stays open.
  func refuse(_ refused: RefusedFrame) {
    hub.counts.refusals[refused.refusal.code, default: 0] += 1
    transport.send(text: ServerFrame.error(refused.refusal, refused.reference))
  }

  // MARK: Groups

  /// The subscription of a request that names a group, or the path's.
  func subscription(
    named name: String?, _ reference: RequestReference?
  ) throws(RefusedFrame) -> Subscription {
    guard let name, name != primary.group.name else { return primary }
    if let found = others.first(where: { $0.isLive && $0.group.name == name }) { return found }
    throw RefusedFrame(
      refusal: Refusal(.notSubscribed, "this connection is not in the group \(name.prefix(200))"),
      reference: reference)
  }

  func add(_ subscription: Subscription) {
    subscription.attach(self)
    others.append(subscription)
  }

  func remove(_ subscription: Subscription) {
    others.removeAll { $0 === subscription }
  }

  /// Goes on with another token of the same user.
  ///
  /// - Parameter expires: seconds since 1970.
  func renew(_ subject: AccessSubject, expires: Int64) {
    self.subject = subject
    self.expires = expires
    isToldOfExpiry = false
  }

  /// Throws if the connection publishes too fast.
  func takePublication(_ reference: RequestReference?) throws(RefusedFrame) {
    guard let wait = publishing?.takeNow() else { return }
    throw RefusedFrame(refusal: .tooFast(wait), reference: reference)
  }

  /// Later events go behind `check`.
  func wait(for check: EventLoopFuture<Void>) {
    lastCheck = check
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    check.whenComplete { _ in
      if bound.value.lastCheck === check { bound.value.lastCheck = nil }
    }
  }

  // MARK: Requests under way

  func beginRequest() {
    inFlight += 1
    updateReading()
  }

  func endRequest() {
    inFlight -= 1
    updateReading()
  }

  /// A client that sends faster than the backplane takes is slowed down by its own connection.
  private func updateReading() {
    let shouldPause: Bool
    switch state {
    case .joining(let early): shouldPause = early.count >= Self.maximumEarlyMessages
    case .live:
      shouldPause = inFlight >= (isPaused ? Self.maximumInFlight / 2 : Self.maximumInFlight)
    case .closed: shouldPause = false
    }
    guard shouldPause != isPaused else { return }
    isPaused = shouldPause
    transport.setReading(!shouldPause)
  }
}

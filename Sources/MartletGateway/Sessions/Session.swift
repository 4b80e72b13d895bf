internal import MartletBackplane
internal import MartletCore
internal import MartletPresence
internal import MartletProtocol
internal import NIOCore

/// The server's side of one client: who it is, which group it is in, what it may send.
///
/// Knows nothing of its transport but ``SessionTransport``. Confined to its hub's event loop.
final class Session {
  private enum State {
    /// The token is being checked, or the join is under way; messages wait.
    /// Can transition to: live, closed.
    case joining(early: [ByteBuffer])
    /// A member of its group. Can transition to: closed.
    case live
    case closed
  }

  /// Messages that may wait for the join; then reading stops.
  private static let maximumEarlyMessages = 16
  /// Publications without an answer; then reading stops until half of them have one.
  private static let maximumInFlight = 256

  let connectionID: String
  let group: GroupName
  private(set) var user: User
  let transport: any SessionTransport
  private let route: Route
  private unowned let hub: Hub
  /// Seconds since 1970 at which the token ends; nil without one.
  private let expires: Int64?
  private var state = State.joining(early: [])
  private var inFlight = 0
  private var isPaused = false
  private var lastHeard = NIODeadline.now()
  private var isPinged = false

  /// Where the session stands among its group's members; kept by ``LocalGroup``.
  var memberIndex: Int?
  /// Nil on routes without presence.
  let presence: SessionPresence?

  init(
    connectionID: String, user: User, group: GroupName, route: Route, expires: Int64?,
    presence: SessionPresence?, transport: any SessionTransport, hub: Hub
  ) {
    self.connectionID = connectionID
    self.user = user
    self.group = group
    self.route = route
    self.expires = expires
    self.presence = presence
    self.transport = transport
    self.hub = hub
  }

  var isOpen: Bool {
    if case .closed = state { false } else { true }
  }

  // MARK: Life

  /// Sends the first frame.
  func introduce(position: Position, recovered: Bool?, members: MemberPage?) {
    guard case .joining = state else { return }
    let wallClock = WallClock.milliseconds
    transport.send(
      text: ServerFrame.connectionEstablished(
        connectionID: connectionID, user: user, group: group, position: position,
        recovered: recovered,
        members: members.flatMap { presence?.introduced($0, wallClock: wallClock) }))
  }

  /// The session is a member now: what the client sent meanwhile is handled.
  func becameLive() {
    guard case .joining(let early) = state else { return }
    state = .live
    updateReading()
    for message in early { received(message) }
  }

  /// Leaves the group and tells the client why. Idempotent.
  func close(_ reason: CloseReason) {
    guard isOpen else { return }
    state = .closed
    hub.counts.closes[reason, default: 0] += 1
    hub.leave(self)
    transport.close(reason)
  }

  func drain(reconnectAfter: Int64) {
    guard isOpen else { return }
    transport.send(text: ServerFrame.draining(reconnectAfter: reconnectAfter))
    close(.draining)
  }

  /// The connection is gone.
  func transportClosed() {
    if isOpen {
      state = .closed
      hub.counts.closes[.normal, default: 0] += 1
      hub.leave(self)
    }
    hub.closed(self)
  }

  // MARK: Liveness

  /// The client has sent something.
  func heard() {
    lastHeard = hub.now
    isPinged = false
  }

  /// - Parameter wallClock: seconds since 1970.
  func sweep(now: NIODeadline, wallClock: Int64) {
    guard isOpen else { return }
    if let expires, expires <= wallClock { return close(.unauthenticated) }
    presence?.sweep(now: now)
    let silence = now - lastHeard
    let limits = hub.services.limits
    if silence > limits.pingInterval + limits.pingTimeout {
      close(.idle)
    } else if silence > limits.pingInterval, !isPinged {
      isPinged = true
      transport.ping()
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
        switch try ClientFrame.parse(message) {
        case .ping(let reference): transport.send(text: ServerFrame.pong(reference))
        case .presence(let request): try answer(request)
        case .presenceUpdate(let update): try change(update)
        case .event(let event): try publish(event)
        }
      } catch {
        refuse(error)
      }
    case .closed:
      break
    }
  }

  /// Answers with an `error` frame; the session stays open.
  func refuse(_ refused: RefusedFrame) {
    hub.counts.refusals[refused.refusal.code, default: 0] += 1
    transport.send(text: ServerFrame.error(refused.refusal, refused.reference))
  }

  private func publish(_ event: ClientEvent) throws(RefusedFrame) {
    guard let rule = route.events[event.type] else {
      throw unknown(event.type, event.reference)
    }
    presence?.active(now: hub.now)
    if rule.kind == .presence { return try changeMeta(by: event) }
    var body = event.body
    body.append("sender", json: user.json)
    let request = PublishRequest(
      group: group, event: body.closed,
      kind: rule.kind == .ephemeral ? .ephemeral : .published(route.retention),
      excluded: rule.excludesSender ? connectionID : nil,
      idempotencyID: event.idempotencyID.map {
        "u:\(idempotencyScope.utf8.count):\(idempotencyScope):\($0)"
      },
      durability: route.durability)
    beginRequest()
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    let reference = event.reference
    hub.services.backplane.publish(request).hop(to: hub.eventLoop).whenComplete { result in
      bound.value.published(reference, result)
    }
  }

  private func unknown(_ type: String, _ reference: RequestReference?) -> RefusedFrame {
    let own = presence == nil ? ["ping"] : EventRule.reservedTypes.sorted()
    let types = (route.events.keys.sorted() + own).joined(separator: ", ")
    return RefusedFrame(
      refusal: Refusal(
        .unknownType, "\(type.prefix(64)) is not accepted here; accepted are \(types)"),
      reference: reference)
  }

  /// Two users may choose the same id. An anonymous user has another id on each connection, and
  /// repeats its events on the next one.
  private var idempotencyScope: String {
    user.isAnonymous ? User.anonymousPrefix : user.id
  }

  private func published(
    _ reference: RequestReference?, _ result: Result<PublishOutcome, any Error>
  ) {
    endRequest()
    switch result {
    case .success(let outcome):
      hub.counts.publications += 1
      if let reference {
        transport.send(
          text: ServerFrame.ack(reference, group: group, position: outcome.position))
      }
    case .failure(let error):
      hub.counts.failedPublications += 1
      refuse(
        RefusedFrame(refusal: Refusal(.unavailable, "\(error)"), reference: reference))
    }
  }

  private func beginRequest() {
    inFlight += 1
    updateReading()
  }

  private func endRequest() {
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

// MARK: - Presence

extension Session {
  private func answer(_ request: PresenceRequest) throws(RefusedFrame) {
    let reference = request.reference
    guard let presence else { throw unknown("presence", reference) }
    var after: MemberPage.Cursor?
    if let text = request.after {
      after = MemberPage.Cursor(text: text)
      guard after != nil else {
        throw RefusedFrame(
          refusal: Refusal(.malformed, "after must be the next of an earlier answer"),
          reference: reference)
      }
    }
    let limit = min(
      request.limit ?? hub.services.limits.presenceCap, MemberPage.Request.maximumLimit)
    beginRequest()
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    presence.members(limit: max(limit, 1), after: after).hop(to: hub.eventLoop).whenComplete {
      bound.value.answered(reference, $0)
    }
  }

  private func answered(
    _ reference: RequestReference?, _ result: Result<MemberPage, any Error>
  ) {
    endRequest()
    switch result {
    case .success(let page):
      let activeSince = hub.services.limits.activeSince(WallClock.milliseconds)
      transport.send(
        text: ServerFrame.presence(
          reference, group: group, count: page.count,
          members: page.members.map { $0.json(activeSince: activeSince) }, next: page.next?.text))
    case .failure(let error):
      refuse(
        RefusedFrame(refusal: Refusal(.unavailable, "\(error)"), reference: reference))
    }
  }

  private func change(_ update: PresenceUpdate) throws(RefusedFrame) {
    let reference = update.reference
    guard let presence else { throw unknown("presence_update", reference) }
    guard update.status == nil || presence.home != nil else {
      throw RefusedFrame(
        refusal: Refusal(.malformed, "an anonymous user has no status"), reference: reference)
    }
    presence.active(now: hub.now)
    if let meta = update.meta { try merge(meta, reference) }
    guard let status = update.status, let home = presence.home else {
      return acknowledge(reference)
    }
    beginRequest()
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    hub.services.presence.choose(status, for: home).hop(to: hub.eventLoop).whenComplete {
      bound.value.chosen(reference, $0)
    }
  }

  private func chosen(_ reference: RequestReference?, _ result: Result<Void, any Error>) {
    endRequest()
    switch result {
    case .success: acknowledge(reference)
    case .failure(let error):
      refuse(
        RefusedFrame(refusal: Refusal(.unavailable, "\(error)"), reference: reference))
    }
  }

  /// Takes the fields of an event of kind `presence` as the connection's meta.
  private func changeMeta(by event: ClientEvent) throws(RefusedFrame) {
    try merge(event.body.closed, ignoring: ["type"], event.reference)
    acknowledge(event.reference)
  }

  private func merge(
    _ object: ByteBuffer, ignoring ignored: Set<String> = [], _ reference: RequestReference?
  ) throws(RefusedFrame) {
    do {
      try presence?.merge(object, ignoring: ignored)
    } catch {
      throw RefusedFrame(refusal: error, reference: reference)
    }
  }

  private func acknowledge(_ reference: RequestReference?) {
    guard let reference else { return }
    transport.send(text: ServerFrame.ack(reference, group: group, position: nil))
  }
}

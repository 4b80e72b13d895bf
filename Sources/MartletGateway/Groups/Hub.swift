internal import Logging
internal import MartletBackplane
internal import MartletCore
internal import MartletHTTP2
internal import MartletPresence
internal import MartletProtocol
internal import NIOCore

/// One event loop's sessions and groups. Confined to that loop.
final class Hub {
  let index: Int
  let eventLoop: any EventLoop
  let services: GatewayServices
  var counts = GatewayCounts()
  let compressors = CompressorPool()
  let publishing: PublishingRules
  private(set) var isDraining = false
  /// A sweep that comes so much later than the one before shows that the loop was held up.
  private static let heldUp = TimeAmount.seconds(1)

  /// Whether the loop was held up before this sweep: signs of life may have come that nobody has read.
  private(set) var wasHeldUp = false
  /// The time of the last sweep: exact enough for idle clients, and free.
  private(set) var now = NIODeadline.now()
  private var dispatcher: GroupDispatcher?
  private var groups: [GroupName: LocalGroup] = [:]
  private var owners: [ObjectIdentifier: any TransportOwner] = [:]
  private var openSessions: [TransportKind: Int] = [:]
  /// Each with the sessions on its streams.
  private var http2Connections: [ObjectIdentifier: HTTP2ServerHandler] = [:]
  private var nextConnection: UInt64 = 0
  private var random = SystemRandomNumberGenerator()
  private var recovered: RecoveredBytes
  /// Bytes of answers to HTTP/1.1 requests that their sockets have not taken.
  var unsentAnswers = 0

  init(index: Int, eventLoop: any EventLoop, services: GatewayServices) {
    self.index = index
    self.eventLoop = eventLoop
    self.services = services
    self.publishing = PublishingRules(services: services, eventLoop: eventLoop)
    recovered = RecoveredBytes(limit: services.limits.recoveryMemory / services.loopCount)
  }

  func attach(_ dispatcher: GroupDispatcher) {
    self.dispatcher = dispatcher
  }

  /// How many there are of what comes and goes.
  struct Sizes: Sendable {
    var sessions: Int
    var sessionsByTransport: [TransportKind: Int]
    var groups: Int
    var http2Connections: Int
  }

  var sizes: Sizes {
    Sizes(
      sessions: owners.count, sessionsByTransport: openSessions, groups: groups.count,
      http2Connections: http2Connections.count)
  }

  // MARK: Sessions

  /// A connection id that no other connection of the cluster has.
  func makeConnectionID() -> String {
    let number = nextConnection * UInt64(services.loopCount) + UInt64(index)
    nextConnection += 1
    return "\(services.incarnation)-\(String(number, radix: 36))"
  }

  /// Takes a session in.
  ///
  /// - Parameter attach: gives its connection to it. What has come already may end both at once.
  func open(_ owner: any TransportOwner, attach: () -> Void) {
    counts.connectionsOpened += 1
    counts.sessions[owner.kind, default: 0] += 1
    openSessions[owner.kind, default: 0] += 1
    services.openConnections.increment()
    owners[ObjectIdentifier(owner)] = owner
    attach()
    if isDraining { owner.drain(reconnectAfter: reconnectDelay()) }
  }

  /// Closes a connection that does not get a session.
  func refused(_ transport: any SessionTransport, _ reason: CloseReason, _ refusal: Refusal?) {
    counts.connectionsOpened += 1
    counts.closes[reason, default: 0] += 1
    if let refusal {
      counts.refusals[refusal.code, default: 0] += 1
      transport.send(text: ServerFrame.error(refusal, nil))
    }
    transport.close(reason)
  }

  /// The connection of `owner` is gone.
  func closed(_ owner: any TransportOwner) {
    guard owners.removeValue(forKey: ObjectIdentifier(owner)) != nil else { return }
    openSessions[owner.kind, default: 0] -= 1
    services.openConnections.decrement()
  }

  /// Pings silent clients, and closes those that do not answer or whose token has expired.
  ///
  /// - Parameter wallClock: seconds since 1970.
  func sweep(now: NIODeadline, wallClock: Int64) {
    wasHeldUp = now - self.now > Self.heldUp
    self.now = now
    var unsent = unsentAnswers
    for owner in owners.values {
      owner.sweep(now: now, wallClock: wallClock)
      unsent += owner.unsentBytes
    }
    for connection in http2Connections.values { unsent += connection.pendingBytes }
    recovered.measured(unsent)
  }

  /// Announces the end to every session and closes them evenly over `duration`.
  func drain(over duration: TimeAmount) {
    guard !isDraining else { return }
    isDraining = true
    for connection in http2Connections.values { connection.goAway() }
    let all = Array(owners.values)
    for (number, owner) in all.enumerated() {
      let delay = TimeAmount.nanoseconds(
        duration.nanoseconds / Int64(max(all.count, 1)) * Int64(number))
      let bound = NIOLoopBound((self, owner), eventLoop: eventLoop)
      eventLoop.scheduleTask(in: delay) {
        let (hub, owner) = bound.value
        owner.drain(reconnectAfter: hub.reconnectDelay())
      }
    }
  }

  /// Ends every connection at once.
  func abandon() {
    isDraining = true
    for owner in owners.values { owner.abort() }
    for connection in http2Connections.values { connection.abort() }
  }

  /// Milliseconds, spread so that a gateway's clients do not arrive elsewhere together.
  private func reconnectDelay() -> Int64 {
    Int64.random(in: 100...2_000, using: &random)
  }

  /// A connection whose streams may be sessions.
  func opened(_ connection: HTTP2ServerHandler, on channel: any Channel) {
    let id = ObjectIdentifier(connection)
    counts.http2Connections += 1
    http2Connections[id] = connection
    if isDraining { connection.goAway() }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    channel.closeFuture.whenComplete { _ in bound.value.http2Connections[id] = nil }
  }

  /// When a WebSocket that begins now has lived long enough; nil: never.
  func endOfConnection() -> NIODeadline? {
    services.limits.connectionAge.map { .now() + TimeAmount($0.lifetime(using: &random)) }
  }

  // MARK: Groups

  /// Makes a session a member of a group: interest first, then the position, so that nothing falls between.
  func join(_ subscription: Subscription, since: Position?) {
    let name = subscription.group
    let group = groups[name] ?? makeGroup(name)
    group.beginJoin(subscription)
    ask(group, subscription, since: since, attempt: 0)
  }

  /// Idempotent.
  func leave(_ subscription: Subscription) {
    guard subscription.session != nil else { return }
    guard let group = groups[subscription.group] else { return subscription.end(at: nil) }
    subscription.end(at: group.position(of: subscription))
    group.remove(subscription)
    subscription.presence?.leave()
    if group.isEmpty {
      groups[subscription.group] = nil
      dispatcher?.remove(subscription.group, destination: index)
    }
  }

  /// Up to where a client has, or had when it left, been sent everything of a group; nil if it has not joined.
  func position(of subscription: Subscription) -> Position? {
    guard subscription.session != nil else { return subscription.lastPosition }
    return groups[subscription.group]?.position(of: subscription)
  }

  private func makeGroup(_ name: GroupName) -> LocalGroup {
    let interest =
      dispatcher?.add(name, destination: index) ?? eventLoop.makeSucceededVoidFuture()
    let group = LocalGroup(name: name, interest: interest, hub: self)
    groups[name] = group
    return group
  }

  /// Whoever joins after the list of members was read is announced, so that the interest has to come before both answers.
  private func ask(
    _ group: LocalGroup, _ subscription: Subscription, since: Position?, attempt: Int
  ) {
    // A poll is to bring all that was acknowledged before it; what is on its way here comes to a connection by itself.
    let isPoll = subscription.session?.transport.kind == .poll
    let known = isPoll ? nil : group.recovery(since: since)
    if let known, subscription.presence == nil {
      return answered(
        group, subscription, since: since, attempt: attempt, .success((known, nil)))
    }
    let bound = NIOLoopBound((self, group, subscription), eventLoop: eventLoop)
    group.interest
      .hop(to: eventLoop)
      .flatMap {
        let (hub, group, subscription) = bound.value
        let loop = hub.eventLoop
        let members = subscription.presence?.introduction().map { Optional($0) }
        let recovery =
          known.map { loop.makeSucceededFuture($0) }
          ?? hub.services.backplane.recover(
            group.name, since: since, within: hub.services.limits.recovery
          ).hop(to: loop)
        return recovery.and(members ?? loop.makeSucceededFuture(nil))
      }
      .whenComplete { result in
        let (hub, group, subscription) = bound.value
        hub.answered(group, subscription, since: since, attempt: attempt, result)
      }
  }

  private func answered(
    _ group: LocalGroup, _ subscription: Subscription, since: Position?, attempt: Int,
    _ result: Result<(Recovery, MemberPage?), any Error>
  ) {
    guard let session = subscription.session else { return }
    guard case .success((let recovery, let members)) = result else {
      return session.couldNotJoin(subscription)
    }
    let missedBytes = recovery.missed?.reduce(0) { $0 + $1.event.readableBytes } ?? 0
    guard recovered.take(missedBytes) else {
      counts.postponedRecoveries += 1
      return session.couldNotJoin(subscription)
    }
    let isRecovered = since.map { _ in recovery.missed != nil }
    let outcome = group.finishJoin(subscription, recovery: recovery) {
      session.introduce(
        subscription,
        position: isRecovered == true ? since ?? recovery.position : recovery.position,
        recovered: isRecovered, members: members)
    }
    switch outcome {
    case .joined:
      counts.joins += 1
      session.joined(subscription)
      if subscription.session != nil { subscription.presence?.join(now: .now()) }
      if isRecovered == true { counts.recoveries += 1 }
      if isRecovered == false { counts.failedRecoveries += 1 }
    case .gone:
      break
    case .askAgain where attempt < 5:
      let bound = NIOLoopBound((self, group, subscription), eventLoop: eventLoop)
      eventLoop.scheduleTask(in: .milliseconds(50 << Int64(attempt))) {
        let (hub, group, subscription) = bound.value
        hub.ask(group, subscription, since: since, attempt: attempt + 1)
      }
    case .askAgain:
      session.couldNotJoin(subscription)
    }
  }

  // MARK: Deliveries

  func received(_ batches: [GroupBatch]) {
    for batch in batches {
      groups[batch.group]?.received(batch.deliveries)
    }
  }

  func interrupted(shard: Int) {
    let shards = services.backplane.shards
    for group in groups.values where shards.shard(of: group.name) == shard {
      group.interrupted()
    }
  }

  /// Asks the backplane for what `group` misses; deliveries wait meanwhile.
  func repair(_ group: LocalGroup, since position: Position) {
    let bound = NIOLoopBound((self, group), eventLoop: eventLoop)
    services.backplane.recover(
      group.name, since: position, within: services.limits.recovery
    )
    .hop(to: eventLoop)
    .whenComplete { result in
      let (hub, group) = bound.value
      switch result {
      case .success(let recovery):
        group.repaired(recovery)
      case .failure:
        // Deliveries wait, bounded, until the backplane answers again.
        hub.eventLoop.scheduleTask(in: .milliseconds(500)) {
          let (_, group) = bound.value
          if !group.isEmpty { group.repaired(nil) }
        }
      }
    }
  }
}

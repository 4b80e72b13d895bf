internal import MartletBackplane
internal import MartletCore
internal import MartletPresence
internal import MartletProtocol
internal import NIOCore

/// Groups that are joined and left on one connection, and tokens that are renewed on it.
extension Session {
  // MARK: Joins

  /// Tells the client where it is in a group that it has joined.
  func introduce(
    _ subscription: Subscription, position: Position, recovered: Bool?, members: MemberPage?
  ) {
    guard isOpen else { return }
    let wallClock = WallClock.milliseconds
    let members = members.flatMap { subscription.presence?.introduced($0, wallClock: wallClock) }
    if subscription === primary {
      transport.introduce(
        ServerFrame.connectionEstablished(
          connectionID: connectionID, user: user, group: subscription.group, position: position,
          recovered: recovered, members: members),
        position: position, recovered: recovered)
    } else {
      transport.send(
        text: ServerFrame.subscribed(
          subscription.request, group: subscription.group, position: position,
          recovered: recovered, members: members))
    }
    subscription.becameLive()
  }

  /// The session is a member of the group now.
  func joined(_ subscription: Subscription) {
    if subscription === primary { becameLive() } else { endRequest() }
  }

  /// The backplane could not be asked.
  func couldNotJoin(_ subscription: Subscription) {
    guard subscription !== primary else { return close(.unavailable) }
    drop(subscription)
    endRequest()
    refuse(
      RefusedFrame(
        refusal: Refusal(.unavailable, "the group cannot be joined now"),
        reference: subscription.request))
  }

  func subscribe(_ request: SubscribeRequest) throws(RefusedFrame) {
    func refused(_ code: ErrorCode, _ text: String) -> RefusedFrame {
      RefusedFrame(refusal: Refusal(code, text), reference: request.reference)
    }
    let services = hub.services
    guard others.count + 1 < services.limits.groups else {
      throw refused(
        .tooManyGroups, "a connection may be in at most \(services.limits.groups) groups")
    }
    guard let match = services.routing.match(request.path[...]) else {
      throw refused(.badParameter, "no route has the path \(request.path.prefix(200))")
    }
    guard identity.mayEnter(match.route, match.variables) else {
      throw refused(.notPermitted, "the access rule of \(match.route.path.text) refuses")
    }
    let name = match.route.group.filled(match.variables, user: identity.isAnonymous ? "" : user.id)
    guard let group = GroupName(tenant: identity.tenant, name: name) else {
      throw refused(.badParameter, "the path and the user lead to no valid group name")
    }
    guard group != primary.group, !others.contains(where: { $0.group == group }) else {
      throw refused(.badParameter, "this connection is in the group \(group.name) already")
    }
    var meta = PresenceMeta()
    if match.route.hasPresence, let object = request.meta {
      do {
        try meta.merge(object, limit: services.limits.presenceMetaSize)
      } catch {
        throw RefusedFrame(refusal: error, reference: request.reference)
      }
    }
    let presence =
      match.route.hasPresence
      ? SessionPresence(
        group, connectionID, identity, origin: origin, meta: meta, services: services) : nil
    let subscription = Subscription(
      group: group, route: match.route, variables: match.variables, presence: presence,
      request: request.reference)
    add(subscription)
    beginRequest()
    hub.join(subscription, since: request.since)
  }

  func unsubscribe(_ request: UnsubscribeRequest) throws(RefusedFrame) {
    guard request.group != primary.group.name else {
      throw RefusedFrame(
        refusal: Refusal(
          .badParameter, "the group of the connection's path is left by closing the connection"),
        reference: request.reference)
    }
    let subscription = try subscription(named: request.group, request.reference)
    drop(subscription)
    transport.send(text: ServerFrame.unsubscribed(request.reference, group: subscription.group))
  }

  private func drop(_ subscription: Subscription) {
    remove(subscription)
    hub.leave(subscription)
  }

  // MARK: Tokens

  func refresh(_ request: RefreshRequest) {
    beginRequest()
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    let admission = Admission(services: hub.services)
    let token = request.token
    hub.eventLoop.makeFutureWithTask {
      await admission.identify(token, now: WallClock.seconds)
    }.whenComplete { result in
      bound.value.identified((try? result.get()) ?? .failure(.unauthenticated), request.reference)
    }
  }

  private func identified(
    _ result: Result<Identity, Admission.Unidentified>, _ reference: RequestReference?
  ) {
    endRequest()
    guard isOpen else { return }
    switch result {
    case .success(let next)
    where next.user.id == user.id && next.tenant == identity.tenant && !identity.isAnonymous:
      renew(next)
      transport.send(text: ServerFrame.refreshed(reference, expires: next.expires ?? 0))
      leaveWhatIsForbidden()
    case .success:
      refuse(
        RefusedFrame(
          refusal: Refusal(.notPermitted, "the token is of another user than the connection"),
          reference: reference))
    case .failure:
      refuse(
        RefusedFrame(
          refusal: Refusal(
            .unauthorized, "the token is not accepted; the old one holds until it ends"),
          reference: reference))
    }
  }

  /// Another token may allow less.
  private func leaveWhatIsForbidden() {
    guard identity.mayEnter(primary.route, primary.variables) else { return close(.notPermitted) }
    for subscription in others
    where !identity.mayEnter(subscription.route, subscription.variables) {
      drop(subscription)
      transport.send(
        text: ServerFrame.unsubscribed(
          nil, group: subscription.group,
          because: Refusal(.notPermitted, "the new token does not allow it")))
    }
  }
}

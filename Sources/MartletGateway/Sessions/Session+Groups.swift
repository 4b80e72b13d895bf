internal import MartletAccess
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
    giveUp(subscription, Refusal(.unavailable, "the group cannot be joined now"))
  }

  /// Ends a join that is under way.
  private func giveUp(_ subscription: Subscription, _ refusal: Refusal) {
    drop(subscription)
    endRequest()
    refuse(RefusedFrame(refusal: refusal, reference: subscription.request))
  }

  func subscribe(_ request: SubscribeRequest) throws(RefusedFrame) {
    let services = hub.services
    var meta = PresenceMeta()
    do throws(Refusal) {
      guard others.count + 1 < services.limits.groups else {
        throw Refusal(
          .tooManyGroups, "a connection may be in at most \(services.limits.groups) groups")
      }
      if let object = request.meta {
        try meta.merge(object, limit: services.limits.presenceMetaSize)
      }
    } catch {
      throw RefusedFrame(refusal: error, reference: request.reference)
    }
    beginRequest()
    askToJoin(request, meta)
  }

  private func askToJoin(_ request: SubscribeRequest, _ meta: PresenceMeta) {
    let permission = Permission(services: hub.services)
    let subject = subject
    let bound = NIOLoopBound((self, request, meta, subject), eventLoop: hub.eventLoop)
    let path = request.path
    hub.eventLoop.makeFutureWithTask { await permission.join(path[...], by: subject) }
      .whenSuccess { answer in
        let (session, request, meta, subject) = bound.value
        session.permitted(answer, request, meta, subject)
      }
  }

  private func permitted(
    _ answer: Result<Permission.Entrance, Refusal>, _ request: SubscribeRequest,
    _ meta: PresenceMeta, _ asker: AccessSubject
  ) {
    guard isOpen else { return endRequest() }
    // Another token has come meanwhile, and may allow less.
    guard asker.claimsText == subject.claimsText else { return askToJoin(request, meta) }
    do throws(Refusal) {
      let entrance = try answer.get()
      let group = entrance.group
      // Others may have been joined meanwhile.
      guard group != primary.group, !others.contains(where: { $0.group == group }) else {
        throw Refusal(
          .badParameter, "this connection is in the group \(group.name) already")
      }
      guard others.count + 1 < hub.services.limits.groups else {
        throw Refusal(
          .tooManyGroups, "a connection may be in at most \(hub.services.limits.groups) groups")
      }
      let presence =
        entrance.route.hasPresence
        ? SessionPresence(
          group, subject, origin: origin, meta: meta, services: hub.services) : nil
      let subscription = Subscription(
        group: group, route: entrance.route, variables: entrance.variables, presence: presence,
        request: request.reference)
      add(subscription)
      hub.join(subscription, since: request.since)
    } catch {
      endRequest()
      refuse(RefusedFrame(refusal: error, reference: request.reference))
    }
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
    let permission = Permission(services: hub.services)
    let subject = subject
    let token = request.token
    hub.eventLoop.makeFutureWithTask {
      await permission.renew(token, by: subject, now: WallClock.seconds)
    }.whenSuccess { bound.value.renewed($0, request.reference) }
  }

  private func renewed(
    _ result: Result<Permission.Renewal, Refusal>, _ reference: RequestReference?
  ) {
    endRequest()
    guard isOpen else { return }
    switch result {
    case .success(let renewal):
      renew(renewal.subject, expires: renewal.expires)
      transport.send(text: ServerFrame.refreshed(reference, expires: renewal.expires))
      leaveWhatIsForbidden(renewal.claims)
    case .failure(let refusal):
      refuse(RefusedFrame(refusal: refusal, reference: reference))
    }
  }

  /// Another token may allow less.
  private func leaveWhatIsForbidden(_ claims: [String: JSONValue]) {
    func mayStay(_ subscription: Subscription) -> Bool {
      subscription.route.access.permits(
        claims: claims, variables: subscription.variables, user: user.id)
    }
    guard mayStay(primary) else { return close(.notPermitted) }
    let refusal = Refusal(.notPermitted, "the new token does not allow it")
    for subscription in others where !mayStay(subscription) {
      guard subscription.isLive else {
        giveUp(subscription, refusal)
        continue
      }
      drop(subscription)
      transport.send(
        text: ServerFrame.unsubscribed(nil, group: subscription.group, because: refusal))
    }
  }
}

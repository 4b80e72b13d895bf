internal import MartletCore
internal import MartletPresence
internal import MartletProtocol
internal import NIOCore

extension Session {
  func answer(_ request: PresenceRequest) throws(RefusedFrame) {
    let reference = request.reference
    let subscription = try subscription(named: request.group, reference)
    guard let presence = subscription.presence else {
      throw ClientPublication.unknown("presence", on: subscription.route, reference)
    }
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
    let group = subscription.group
    presence.members(limit: max(limit, 1), after: after).hop(to: hub.eventLoop).whenComplete {
      bound.value.answered(group, reference, $0)
    }
  }

  private func answered(
    _ group: GroupName, _ reference: RequestReference?, _ result: Result<MemberPage, any Error>
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

  func change(_ update: PresenceUpdate) throws(RefusedFrame) {
    let reference = update.reference
    let subscription = try subscription(named: update.group, reference)
    guard let presence = subscription.presence else {
      throw ClientPublication.unknown("presence_update", on: subscription.route, reference)
    }
    guard update.status == nil || presence.home != nil else {
      throw RefusedFrame(
        refusal: Refusal(.malformed, "an anonymous user has no status"), reference: reference)
    }
    presence.active(now: hub.now)
    if let meta = update.meta { try merge(meta, in: subscription, reference) }
    let group = subscription.group
    guard let status = update.status, let home = presence.home else {
      return acknowledge(group, reference)
    }
    beginRequest()
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    hub.services.presence.choose(status, for: home).hop(to: hub.eventLoop).whenComplete {
      bound.value.chosen(group, reference, $0)
    }
  }

  private func chosen(
    _ group: GroupName, _ reference: RequestReference?, _ result: Result<Void, any Error>
  ) {
    endRequest()
    switch result {
    case .success: acknowledge(group, reference)
    case .failure(let error):
      refuse(
        RefusedFrame(refusal: Refusal(.unavailable, "\(error)"), reference: reference))
    }
  }

  /// Takes the fields of an event of kind `presence` as the connection's meta.
  func changeMeta(
    by event: ClientEvent, in subscription: Subscription
  ) throws(RefusedFrame) {
    try merge(event.body.closed, ignoring: ["type"], in: subscription, event.reference)
    acknowledge(subscription.group, event.reference)
  }

  private func merge(
    _ object: ByteBuffer, ignoring ignored: Set<String> = [], in subscription: Subscription,
    _ reference: RequestReference?
  ) throws(RefusedFrame) {
    do {
      try subscription.presence?.merge(object, ignoring: ignored)
    } catch {
      throw RefusedFrame(refusal: error, reference: reference)
    }
  }

  private func acknowledge(_ group: GroupName, _ reference: RequestReference?) {
    guard let reference else { return }
    transport.send(text: ServerFrame.ack(reference, group: group, position: nil))
  }
}

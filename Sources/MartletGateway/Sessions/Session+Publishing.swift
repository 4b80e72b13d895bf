internal import MartletBackplane
internal import MartletCore
internal import MartletProtocol
internal import NIOCore

extension Session {
  func publish(_ event: ClientEvent) throws(RefusedFrame) {
    let subscription = try subscription(named: event.group, event.reference)
    guard let rule = subscription.route.events[event.type] else {
      throw unknown(event.type, in: subscription, event.reference)
    }
    subscription.presence?.active(now: hub.now)
    if rule.kind == .presence { return try changeMeta(by: event, in: subscription) }
    var body = event.body
    body.append("sender", json: user.json)
    let route = subscription.route
    let request = PublishRequest(
      group: subscription.group, event: body.closed,
      kind: rule.kind == .ephemeral ? .ephemeral : .published(route.retention),
      excluded: rule.excludesSender ? connectionID : nil,
      idempotencyID: event.idempotencyID.map {
        "u:\(idempotencyScope.utf8.count):\(idempotencyScope):\($0)"
      },
      durability: route.durability)
    beginRequest()
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    let reference = event.reference
    let group = subscription.group
    hub.services.backplane.publish(request).hop(to: hub.eventLoop).whenComplete { result in
      bound.value.published(group, reference, result)
    }
  }

  func unknown(
    _ type: String, in subscription: Subscription, _ reference: RequestReference?
  ) -> RefusedFrame {
    let own = EventRule.reservedTypes.filter {
      subscription.presence != nil || !$0.hasPrefix("presence")
    }
    let types = (subscription.route.events.keys.sorted() + own.sorted()).joined(separator: ", ")
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
    _ group: GroupName, _ reference: RequestReference?, _ result: Result<PublishOutcome, any Error>
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
}

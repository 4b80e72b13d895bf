internal import MartletBackplane
internal import MartletCore
internal import MartletProtocol
internal import NIOCore

extension Session {
  func publish(_ event: ClientEvent) throws(RefusedFrame) {
    let subscription = try subscription(named: event.group, event.reference)
    subscription.presence?.active(now: hub.now)
    if subscription.route.events[event.type]?.kind == .presence {
      return try changeMeta(by: event, in: subscription)
    }
    let publication = try ClientPublication(
      event, of: identity, to: subscription.group, subscription.route, excluding: connectionID)
    beginRequest()
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    let reference = event.reference
    let group = subscription.group
    hub.services.backplane.publish(publication.request).hop(to: hub.eventLoop).whenComplete {
      bound.value.published(group, reference, $0)
    }
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

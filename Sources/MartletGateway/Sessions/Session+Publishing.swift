internal import MartletBackplane
internal import MartletCore
internal import MartletProtocol
internal import NIOCore

extension Session {
  func publish(_ event: ClientEvent) throws(RefusedFrame) {
    let subscription = try subscription(named: event.group, event.reference)
    let route = subscription.route
    subscription.presence?.active(now: hub.now)
    if route.events[event.type]?.kind == .presence {
      return try changeMeta(by: event, in: subscription)
    }
    let publication = try ClientPublication(
      event, of: user, to: subscription.group, route, excluding: connectionID)
    try takePublication(event.reference)
    beginRequest()
    let check = hub.publishing.check(event, in: subscription.group, route, by: subject)
    // Whoever has to be asked is asked at once; what was sent later waits for the answer.
    guard check != nil || lastCheck != nil else {
      return send(publication.request, event.reference)
    }
    let previous = lastCheck ?? hub.eventLoop.makeSucceededVoidFuture()
    let bound = NIOLoopBound((self, publication, event.reference), eventLoop: hub.eventLoop)
    let checked = previous.flatMap {
      check ?? bound.eventLoop.makeSucceededFuture(nil)
    }.map { refusal in
      let (session, publication, reference) = bound.value
      session.checked(publication, reference, refusal)
    }
    wait(for: checked)
  }

  private func checked(
    _ publication: ClientPublication, _ reference: RequestReference?, _ refusal: Refusal?
  ) {
    if let refusal {
      endRequest()
      refuse(RefusedFrame(refusal: refusal, reference: reference))
    } else {
      send(publication.request, reference)
    }
  }

  private func send(_ request: PublishRequest, _ reference: RequestReference?) {
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    let group = request.group
    hub.services.backplane.publish(request).hop(to: hub.eventLoop).whenComplete {
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

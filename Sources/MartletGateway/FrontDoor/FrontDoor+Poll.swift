internal import MartletAccess
internal import MartletBackplane
internal import MartletCore
internal import MartletDaemon
internal import MartletProtocol
internal import NIOCore
internal import NIOHTTP1

/// For clients to whom nothing but single requests is left: POST sends, GET waits for what is new. Each request may reach another
/// gateway.
extension FrontDoor {
  func poll(_ request: ClientRequest) -> EventLoopFuture<ClientAnswer> {
    let sharing = CrossOriginSharing(request, services)
    let method = request.head.method
    if method == .OPTIONS { return ready(.response(sharing.preflight("GET, POST"))) }
    guard sharing.isAllowed else {
      return refused(sharing, Refusal(.notPermitted, "this Origin is not allowed"))
    }
    guard let match = services.routing.match(request.path.dropFirst(RoutingTable.pollPrefix.count))
    else {
      return refused(sharing, Refusal(.notFound, "there is no \(request.path.prefix(200))"))
    }
    guard method == .GET || method == .POST else {
      return refused(sharing, Refusal(.methodNotAllowed, "only GET and POST are allowed here"))
    }
    if let busy = busy() { return ready(.response(sharing.added(to: busy))) }
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    return admit(request, match)
      .flatMap { decision in
        let door = bound.value
        switch decision {
        case .refused(let reason, let refusal):
          door.hub.counts.closes[reason, default: 0] += 1
          return door.hub.eventLoop.makeSucceededFuture(GatewayAPI.response(reason, refusal))
        case .admitted(let admitted):
          return method == .POST
            ? door.send(request, of: admitted) : door.wait(request, admitted)
        }
      }
      .map { .response(sharing.added(to: $0)) }
  }

  private func send(
    _ request: ClientRequest, of admitted: Admission.Admitted
  ) -> EventLoopFuture<HTTPResponse> {
    let loop = hub.eventLoop
    let event: ClientEvent
    let publication: ClientPublication
    do throws(RefusedFrame) {
      let (body, size) = (request.http.body, services.limits.messageSize)
      guard body.readableBytes <= size else {
        throw RefusedFrame(
          refusal: Refusal(.tooLarge, "an event may have at most \(size) bytes"), reference: nil)
      }
      guard case .event(let parsed) = try ClientFrame.parse(body) else {
        throw RefusedFrame(
          refusal: Refusal(.unknownType, "only events can be sent by POST"), reference: nil)
      }
      if let name = parsed.group, name != admitted.group.name {
        throw RefusedFrame(
          refusal: Refusal(.notSubscribed, "an event is for the group of its request's path"),
          reference: nil)
      }
      event = parsed
      publication = try ClientPublication(
        event, of: admitted.subject.user, to: admitted.group, admitted.route, excluding: nil)
      if let refusal = request.allowance.value.take() {
        throw RefusedFrame(refusal: refusal, reference: nil)
      }
    } catch {
      return loop.makeSucceededFuture(refused(error.refusal))
    }
    let bound = NIOLoopBound(self, eventLoop: loop)
    let publish = publication.request
    let check = hub.publishing.check(
      event, in: admitted.group, admitted.route, by: admitted.subject)
    return (check ?? loop.makeSucceededFuture(nil)).flatMap { refusal in
      if let refusal { return loop.makeSucceededFuture(bound.value.refused(refusal)) }
      return bound.value.publish(publish)
    }
  }

  private func refused(_ refusal: Refusal) -> HTTPResponse {
    hub.counts.refusals[refusal.code, default: 0] += 1
    return GatewayAPI.response(refusal)
  }

  private func publish(_ request: PublishRequest) -> EventLoopFuture<HTTPResponse> {
    let bound = NIOLoopBound(hub, eventLoop: hub.eventLoop)
    let group = request.group
    return services.backplane.publish(request).hop(to: hub.eventLoop).map { outcome in
      bound.value.counts.publications += 1
      let position = outcome.position.map { #","epoch":"\#($0.epoch)","offset":\#($0.offset)"# }
      return HTTPResponse.json(.ok, #"{"group":"\#(group.name)"\#(position ?? "")}"#)
    }
    .flatMapErrorThrowing {
      bound.value.counts.failedPublications += 1
      return GatewayAPI.response(Refusal(.unavailable, "\($0)"))
    }
  }

  private func wait(
    _ request: ClientRequest, _ admitted: Admission.Admitted
  ) -> EventLoopFuture<HTTPResponse> {
    let limits = services.limits
    var wait = limits.pollWait
    if let text = request.http.query["wait"] {
      let maximum = limits.maximumPollWait.nanoseconds / 1_000_000_000
      guard let seconds = Int64(text), (0...maximum).contains(seconds) else {
        return hub.eventLoop.makeSucceededFuture(
          GatewayAPI.response(
            Refusal(.badParameter, "wait is a whole number of seconds from 0 to \(maximum)")))
      }
      wait = .seconds(seconds)
    }
    // Who does not know where the group is is told at once.
    let connection = LongPollConnection(
      admitted.group, hub: hub, wait: admitted.since == nil ? .zero : wait)
    let bound = NIOLoopBound(connection, eventLoop: hub.eventLoop)
    request.closed.hop(to: hub.eventLoop).whenComplete { _ in bound.value.peerClosed() }
    // An anonymous user has another id on each request: it would come and go all the time.
    open(
      admitted, request, over: connection, until: nil,
      hasPresence: !admitted.subject.user.isAnonymous
    ) { connection.attach($0) }
    return connection.response
  }
}

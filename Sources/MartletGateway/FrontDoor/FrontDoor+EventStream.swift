internal import MartletCore
internal import MartletDaemon
internal import NIOCore
internal import NIOHTTP1

extension FrontDoor {
  /// Server-sent events: who may not enter is told by the status, at which browsers give up.
  func eventStream(
    _ request: ClientRequest, _ match: RoutingTable.Match
  ) -> EventLoopFuture<ClientAnswer> {
    let sharing = CrossOriginSharing(request, services)
    switch request.head.method {
    case .OPTIONS: return ready(.response(sharing.preflight("GET")))
    case .GET: break
    default: return refused(sharing, Refusal(.methodNotAllowed, "only GET is allowed here"))
    }
    guard sharing.isAllowed else {
      return refused(sharing, Refusal(.notPermitted, "this Origin is not allowed"))
    }
    if let busy = busy() { return ready(.response(sharing.added(to: busy))) }
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    return admit(request, match).map {
      bound.value.eventStream($0, request, sharing)
    }
  }

  private func eventStream(
    _ decision: Admission.Decision, _ request: ClientRequest, _ sharing: CrossOriginSharing
  ) -> ClientAnswer {
    switch decision {
    case .refused(let reason, let refusal):
      hub.counts.closes[reason, default: 0] += 1
      return .response(sharing.added(to: GatewayAPI.response(reason, refusal)))
    case .admitted(let admitted):
      let begin: (any ByteStream) -> Void = { [self] stream in
        let connection = EventStreamConnection(stream, limits: services.limits)
        stream.delegate = connection
        let end = NIODeadline.now() + services.limits.eventStreamDuration
        open(admitted, request, over: connection, until: end) { connection.attach($0) }
      }
      let headers: HTTPHeaders = [
        "Content-Type": "text/event-stream", "Cache-Control": "no-store",
        // Asks nginx not to gather what is to arrive at once.
        "X-Accel-Buffering": "no",
      ]
      return .stream(
        StreamOpening(
          status: .ok, headers: sharing.added(to: headers),
          begin: NIOLoopBound(begin, eventLoop: hub.eventLoop)))
    }
  }

  func refused(
    _ sharing: CrossOriginSharing, _ refusal: Refusal
  ) -> EventLoopFuture<ClientAnswer> {
    ready(.response(sharing.added(to: GatewayAPI.response(refusal))))
  }
}

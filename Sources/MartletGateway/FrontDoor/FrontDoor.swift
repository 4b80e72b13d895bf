internal import MartletCore
internal import MartletDaemon
internal import MartletProtocol
internal import NIOCore
internal import NIOHTTP1

/// Decides what becomes of a request: a WebSocket, a stream of events, a poll, or the API.
///
/// One for each event loop; knows nothing of the version of HTTP. Confined to its loop.
final class FrontDoor {
  let services: GatewayServices
  let hub: Hub
  private let api: GatewayAPI

  init(services: GatewayServices, hub: Hub, api: GatewayAPI) {
    self.services = services
    self.hub = hub
    self.api = api
  }

  func answer(_ request: ClientRequest) -> EventLoopFuture<ClientAnswer> {
    if let handshake = request.webSocket {
      return ready(openWebSocket(request, handshake))
    }
    let path = request.path
    if path.hasPrefix(RoutingTable.pollPrefix + "/") { return poll(request) }
    if let match = services.routing.matchEventStream(path) { return eventStream(request, match) }
    if Self.wantsEventStream(request.head), let match = services.routing.match(path) {
      return eventStream(request, match)
    }
    return api.respond(to: request.http, on: hub.eventLoop).map { .response($0) }
  }

  func ready(_ answer: ClientAnswer) -> EventLoopFuture<ClientAnswer> {
    hub.eventLoop.makeSucceededFuture(answer)
  }

  func refused(_ refusal: Refusal) -> EventLoopFuture<ClientAnswer> {
    ready(.response(GatewayAPI.response(refusal)))
  }

  /// A browser's `EventSource` says so; and a browser asks on behalf of a script whether it may.
  private static func wantsEventStream(_ head: HTTPRequestHead) -> Bool {
    if head.method == .OPTIONS {
      return head.headers.contains(name: "Access-Control-Request-Method")
    }
    return head.method == .GET
      && head.headers[canonicalForm: "Accept"].contains { value in
        value.split(separator: ";").first.map { $0.lowercased() == "text/event-stream" } ?? false
      }
  }

  var isDraining: Bool { api.isDraining() }

  /// Why nobody new can be served now; nil: somebody can.
  func busy() -> HTTPResponse? {
    if isDraining { return GatewayAPI.busy("the gateway is stopping") }
    if services.openConnections.isFull(limit: services.limits.connections) {
      return GatewayAPI.busy("the gateway has \(services.limits.connections) connections")
    }
    return nil
  }

  // MARK: Sessions

  /// Decides whether the client may enter the group of its path.
  func admit(
    _ request: ClientRequest, _ match: RoutingTable.Match
  ) -> EventLoopFuture<Admission.Decision> {
    Admission(services: services).decide(
      request.head, match,
      from: Admission.Visitor(
        connectionID: hub.makeConnectionID(), address: request.address?.ipAddress),
      on: hub.eventLoop)
  }

  /// Makes the session of an admitted client, and begins to join its group.
  ///
  /// - Parameter hasPresence: false for who cannot be seen to stay.
  func open(
    _ admitted: Admission.Admitted, _ request: ClientRequest, over transport: any SessionTransport,
    until end: NIODeadline?, hasPresence: Bool = true, attach: (Session) -> Void
  ) {
    // Only presence tells backends of it.
    let origin = services.routing.hasPresence ? ConnectionOrigin(request).json : "{}"
    let presence =
      hasPresence && admitted.route.hasPresence
      ? SessionPresence(
        admitted.group, admitted.subject, origin: origin, meta: admitted.meta,
        services: services) : nil
    let session = Session(
      subject: admitted.subject, expires: admitted.expires, origin: origin,
      primary: Subscription(
        group: admitted.group, route: admitted.route, variables: admitted.variables,
        presence: presence),
      transport: transport, until: end, hub: hub)
    hub.open(session) { attach(session) }
    if session.isOpen { hub.join(session.primary, since: admitted.since) }
  }
}

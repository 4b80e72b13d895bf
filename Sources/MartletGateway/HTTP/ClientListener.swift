internal import Foundation
internal import MartletCore
internal import MartletDaemon
internal import MartletPresence
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOWebSocket

/// The port for clients and backends: HTTP/1.1 and the upgrade to WebSockets.
struct ClientListener: Sendable {
  /// Bodies of API requests: an event and its envelope.
  private static let envelopeAllowance = 4_096

  let services: GatewayServices
  let hubs: [NIOLoopBoundBox<Hub>]
  let api: GatewayAPI

  /// Binds the port.
  func bind(_ address: HostAndPort, group: any EventLoopGroup) async throws -> any Channel {
    try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 4_096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try configure(channel) }
      }
      .bind(address, key: "listen")
  }

  private func configure(_ channel: any Channel) throws {
    let pipeline = channel.pipeline.syncOperations
    let requests = HTTPRequestHandler(
      bodyLimit: services.limits.messageSize + Self.envelopeAllowance,
      timeout: services.limits.handshakeTimeout, respond: api.respond)
    let bound = NIOLoopBound(requests, eventLoop: channel.eventLoop)
    let upgrader = WebSocketUpgrader(accept: accept, admit: admit)
    let encoder = HTTPResponseEncoder()
    let others: [any RemovableChannelHandler] = [
      ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)),
      HTTPServerPipelineHandler(), NIOHTTPResponseHeadersValidator(),
      HTTPServerProtocolErrorHandler(),
    ]
    func upgrades() -> HTTPServerUpgradeHandler {
      HTTPServerUpgradeHandler(
        upgraders: [upgrader], httpEncoder: encoder, extraHTTPHandlers: others
      ) { context in
        context.pipeline.syncOperations.removeHandler(bound.value, promise: nil)
      }
    }
    try pipeline.addHandler(encoder)
    try pipeline.addHandlers(others)
    try pipeline.addHandler(upgrades())
    try pipeline.addHandler(requests)
    // NIO's upgrade handler is for the first request only; a proxy may upgrade a connection that it
    // has used for other requests.
    requests.beforeNextRequest = {
      try? pipeline.addHandler(upgrades(), position: .before(requests))
    }
  }

  /// The headers of the upgrade response, or nil to let the API answer why not.
  private func accept(_ head: HTTPRequestHead) -> HTTPHeaders? {
    guard !api.isDraining(), let match = match(head),
      services.allows(origin: head.headers.first(name: "Origin")),
      match.route.group.mentionsUser
        || GroupName(match.route.group.filled(match.variables, user: "")) != nil,
      !services.openConnections.isFull(limit: services.limits.connections)
    else { return nil }
    var headers = HTTPHeaders()
    if let subprotocol = try? Handshake(head).subprotocol {
      headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol)
    }
    return headers
  }

  private func match(_ head: HTTPRequestHead) -> RoutingTable.Match? {
    services.routing.match(RequestTarget(head.uri).path)
  }

  /// Checks who comes and makes the session. What the client sends meanwhile waits in the pipeline.
  private func admit(_ channel: any Channel, _ head: HTTPRequestHead) -> EventLoopFuture<Void> {
    let admission = Admission(services: services)
    switch admission.look(head) {
    case .decided(let decision):
      return channel.eventLoop.makeCompletedFuture { try install(decision, channel, head) }
    case .token(let claim):
      return channel.eventLoop.makeFutureWithTask {
        await admission.decide(claim, now: Int64(Date().timeIntervalSince1970))
      }
      .flatMapThrowing { decision in try install(decision, channel, head) }
    }
  }

  private func install(
    _ decision: Admission.Decision, _ channel: any Channel, _ head: HTTPRequestHead
  ) throws {
    guard channel.isActive,
      let hub = hubs.first(where: { $0.eventLoop === channel.eventLoop })?.value
    else { return channel.close(promise: nil) }
    let connection = WebSocketConnection(channel, limits: services.limits)
    // No encoder: frames are made once per publication, not once per connection.
    try channel.pipeline.syncOperations.addHandlers(
      ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: services.limits.frameSize)),
      connection)
    switch decision {
    case .admitted(let admitted):
      let connectionID = hub.makeConnectionID()
      let user =
        admitted.user
        ?? User(id: User.anonymousPrefix + connectionID, name: admitted.anonymousName)
      let session = Session(
        connectionID: connectionID, user: user, group: admitted.group, route: admitted.route,
        expires: admitted.expires,
        presence: presence(of: user, connectionID, admitted, Origin(channel, head)),
        transport: connection, hub: hub)
      connection.attach(session)
      hub.opened(session)
      if session.isOpen { hub.join(session, since: admitted.since) }
    case .refused(let reason, let refusal):
      hub.refused(connection, reason, refusal)
    }
  }

  /// Nil on a route without presence.
  private func presence(
    of user: User, _ connectionID: String, _ admitted: Admission.Admitted, _ origin: Origin
  ) -> SessionPresence? {
    guard admitted.route.hasPresence else { return nil }
    return SessionPresence(
      PresenceSession(
        group: admitted.group, connectionID: connectionID, user: user, origin: origin.json),
      meta: admitted.meta, services: services)
  }
}

/// Where a connection comes from, for backends only.
private struct Origin {
  /// In bytes: it is kept for each connection.
  private static let maximumUserAgent = 256

  var address: String?
  var userAgent: String?

  init(_ channel: any Channel, _ head: HTTPRequestHead) {
    address = channel.remoteAddress?.ipAddress
    userAgent = head.headers.first(name: "User-Agent").map {
      String(decoding: $0.utf8.prefix(Self.maximumUserAgent), as: UTF8.self)
    }
  }

  /// `{"ip":…,"user_agent":…}`
  var json: String {
    let fields = [("ip", address), ("user_agent", userAgent)].compactMap { name, value in
      value.map { #""\#(name)":"# + JSONText.quoted($0) }
    }
    return "{" + fields.joined(separator: ",") + "}"
  }
}

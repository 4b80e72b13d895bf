internal import MartletBackplane
internal import MartletCore
internal import MartletDaemon
internal import MartletPresence
internal import MartletProtocol
internal import NIOCore
internal import NIOHTTP1

/// The HTTP API for backends, and the answers to requests that are no WebSocket upgrade
/// (docs/protocol.md, HTTP API).
struct GatewayAPI: Sendable {
  private static let defaultHistoryLimit = 50
  private static let maximumHistoryLimit = 1_000

  let services: GatewayServices
  /// Whether the gateway takes no new connections.
  let isDraining: @Sendable () -> Bool

  /// Answers any request; called on an event loop.
  func respond(
    to request: HTTPRequest, on eventLoop: any EventLoop
  ) -> EventLoopFuture<HTTPResponse> {
    do throws(Refusal) {
      let path = request.path
      if path == "/api/publish" {
        return try publish(request, tenant: admit(.POST, request))
      }
      if let words = Self.words(path, after: "/api/presence") {
        return try presence(words, request)
      }
      if let words = Self.words(path, after: "/api/users") {
        return try users(words, request)
      }
      if let words = Self.words(path, after: "/api/history"), words.count == 1 {
        let tenant = try admit(.GET, request)
        return try history(GroupName(request: words[0], tenant: tenant), request.query)
      }
      if path == "/", services.servesDemo {
        try allow(.GET, request)
        return eventLoop.makeSucceededFuture(DemoPage.response(services.routing))
      }
      if services.routing.match(path) != nil || services.routing.isEcho(path) {
        return eventLoop.makeSucceededFuture(upgradeRequired())
      }
      throw notFound(request)
    } catch {
      return eventLoop.makeSucceededFuture(Self.response(error))
    }
  }

  // MARK: Requests

  private func publish(
    _ request: HTTPRequest, tenant: TenantName?
  ) throws(Refusal) -> EventLoopFuture<HTTPResponse> {
    let body = try PublishRequestBody.parse(request.body, tenant: tenant)
    let event = body.event.closed
    guard event.readableBytes <= services.limits.messageSize else {
      throw Refusal(
        .tooLarge, "an event may have at most \(services.limits.messageSize) bytes")
    }
    let group = body.group
    let route = services.routing.route(leadingTo: group)
    return services.backplane.publish(
      PublishRequest(
        group: group, event: event, kind: .published(route?.retention),
        idempotencyID: body.idempotencyID.map { "a:\($0)" },
        durability: route?.durability ?? .primary)
    )
    .map { outcome in
      let position = outcome.position.map { #","epoch":"\#($0.epoch)","offset":\#($0.offset)"# }
      return .json(.ok, #"{"group":"\#(group.name)"\#(position ?? "")}"#)
    }
    .flatMapErrorThrowing { Self.response(Refusal(.unavailable, "\($0)")) }
  }

  /// - Parameter words: of the path behind `/api/presence`.
  private func presence(
    _ words: [String], _ request: HTTPRequest
  ) throws(Refusal) -> EventLoopFuture<HTTPResponse> {
    switch (words.count, words.last) {
    case (0, _): return try presenceAPI(.POST, request).groups(request.body)
    case (1, _): return try presenceAPI(.GET, request).members(of: words[0], request.query)
    case (2, "count"): return try presenceAPI(.GET, request).count(of: words[0])
    default: throw notFound(request)
    }
  }

  /// - Parameter words: of the path behind `/api/users`.
  private func users(
    _ words: [String], _ request: HTTPRequest
  ) throws(Refusal) -> EventLoopFuture<HTTPResponse> {
    switch (words.count, words.last) {
    case (0, _): return try presenceAPI(.POST, request).users(request.body)
    case (1, _): return try presenceAPI(.GET, request).user(words[0])
    case (2, "status"): return try presenceAPI(.PUT, request).choose(words[0], request.body)
    default: throw notFound(request)
    }
  }

  /// For a backend with a key that makes a request of `method`.
  private func presenceAPI(
    _ method: HTTPMethod, _ request: HTTPRequest
  ) throws(Refusal) -> PresenceAPI {
    PresenceAPI(services: services, tenant: try admit(method, request))
  }

  private func history(
    _ group: GroupName, _ query: [String: String]
  ) throws(Refusal) -> EventLoopFuture<HTTPResponse> {
    let limit = query["limit"].map { Int($0) ?? 0 } ?? Self.defaultHistoryLimit
    guard (1...Self.maximumHistoryLimit).contains(limit) else {
      throw Refusal(
        .badParameter, "limit is a whole number from 1 to \(Self.maximumHistoryLimit)")
    }
    let before = query["before"].map { UInt64($0) ?? 0 }
    guard before.map({ $0 > 0 && $0 < 1 << 53 }) ?? true else {
      throw Refusal(.badParameter, "before is an offset above 0")
    }
    return services.backplane.history(group, before: before, limit: limit).map { page in
      var body = ByteBuffer(
        string: #"{"group":"\#(group.name)","epoch":"\#(page.epoch)","publications":["#)
      for (index, publication) in page.publications.enumerated() {
        if index > 0 { body.writeString(",") }
        PublicationFrame.writeJSON(
          event: publication.event, group: group, offset: publication.position?.offset,
          newEpoch: publication.newEpoch, into: &body)
      }
      body.writeString(#"],"next_before":\#(page.nextBefore.map(String.init) ?? "null")}"#)
      return HTTPResponse(.ok, contentType: "application/json", body: body)
    }
    .flatMapErrorThrowing { Self.response(Refusal(.unavailable, "\($0)")) }
  }

  // MARK: Checks

  /// The decoded parts of a path between slashes, behind `prefix`; nil if the path does not begin so.
  /// A slash at the end does not matter.
  private static func words(_ path: Substring, after prefix: String) -> [String]? {
    guard path.hasPrefix(prefix) else { return nil }
    var rest = path.dropFirst(prefix.count)
    guard rest.isEmpty || rest.first == "/" else { return nil }
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    if rest.isEmpty { return [] }
    return rest.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
      RequestTarget.decoded($0)
    }
  }

  private func notFound(_ request: HTTPRequest) -> Refusal {
    Refusal(.notFound, "there is no \(request.path.prefix(200))")
  }

  private func allow(_ method: HTTPMethod, _ request: HTTPRequest) throws(Refusal) {
    guard request.head.method == method || (method == .GET && request.head.method == .HEAD) else {
      throw Refusal(.methodNotAllowed, "only \(method.rawValue) is allowed here")
    }
  }

  /// Throws unless a backend with a key makes a request of `method`.
  ///
  /// - Returns: whose groups and users the request speaks of; nil in a cluster without tenants.
  private func admit(
    _ method: HTTPMethod, _ request: HTTPRequest
  ) throws(Refusal) -> TenantName? {
    try allow(method, request)
    return try services.apiKeys.tenant(of: request)
  }

  /// A request to a route's path that asks for nothing that there is.
  private func upgradeRequired() -> HTTPResponse {
    var response = Self.response(
      Refusal(
        .badParameter,
        "this path takes WebSocket upgrades, and GET with Accept: text/event-stream"))
    response.status = .upgradeRequired
    response.headers.replaceOrAdd(name: "Upgrade", value: "websocket")
    response.headers.add(name: "Connection", value: "upgrade")
    return response
  }

  /// What a client reads that may not enter.
  static func response(_ reason: CloseReason, _ refusal: Refusal?) -> HTTPResponse {
    if let refusal { return response(refusal) }
    return switch reason {
    case .unauthenticated: response(Refusal(.unauthorized, "a valid token is needed"))
    case .notPermitted: response(Refusal(.notPermitted, "the access rule refuses"))
    case .unavailable, .draining: busy("the group cannot be reached now")
    default: response(Refusal(.badParameter, "the request leads to no group"))
    }
  }

  static func busy(_ message: String) -> HTTPResponse {
    var response = response(Refusal(.unavailable, message))
    response.headers.replaceOrAdd(name: "Retry-After", value: "2")
    return response
  }

  static func response(_ refusal: Refusal) -> HTTPResponse {
    let retry = refusal.retryAfter.map { #","retry_after":\#($0)"# } ?? ""
    var response = HTTPResponse.json(
      HTTPResponseStatus(statusCode: refusal.code.httpStatus),
      #"{"error":{"code":"\#(refusal.code.rawValue)","message":"#
        + JSONText.quoted(refusal.message) + retry + "}}")
    if let milliseconds = refusal.retryAfter {
      response.headers.add(name: "Retry-After", value: "\((milliseconds + 999) / 1_000)")
    }
    return response
  }
}

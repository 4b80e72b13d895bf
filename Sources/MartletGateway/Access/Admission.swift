internal import Logging
internal import MartletCore
internal import MartletDaemon
internal import MartletProtocol
internal import NIOCore
internal import NIOHTTP1

/// Decides whether the client of an upgrade request may enter its group.
struct Admission {
  let services: GatewayServices

  /// A client that may enter.
  struct Admitted: Sendable {
    var route: Route
    /// Of the path.
    var variables: [String: String]
    var group: GroupName
    /// Nil: anonymous.
    var identity: Identity?
    var anonymousName: String?
    var since: Position?
    /// What the connection says of itself, on a route with presence.
    var meta: PresenceMeta
  }

  enum Decision: Sendable {
    case admitted(Admitted)
    /// With an `error` frame before the close, if the client's author has something to learn.
    case refused(CloseReason, Refusal?)
  }

  /// What can be said without looking into a token.
  private enum FirstLook {
    case decided(Decision)
    case token(Claim)
  }

  /// A client with a token that is not verified yet.
  private struct Claim: Sendable {
    var token: String
    var match: RoutingTable.Match
    var handshake: Handshake
  }

  /// Decides about the client of a WebSocket.
  func decide(
    _ head: HTTPRequestHead, on eventLoop: any EventLoop
  ) -> EventLoopFuture<Decision> {
    guard let match = services.routing.match(RequestTarget(head.uri).path) else {
      return eventLoop.makeSucceededFuture(.refused(.badRequest, nil))
    }
    return decide(head, match, on: eventLoop)
  }

  /// Decides about a client whose route is known.
  func decide(
    _ head: HTTPRequestHead, _ match: RoutingTable.Match, on eventLoop: any EventLoop
  ) -> EventLoopFuture<Decision> {
    switch look(head, match) {
    case .decided(let decision): eventLoop.makeSucceededFuture(decision)
    case .token(let claim):
      eventLoop.makeFutureWithTask { await decide(claim, now: WallClock.seconds) }
    }
  }

  /// Decides at once about clients without a token.
  private func look(_ head: HTTPRequestHead, _ match: RoutingTable.Match) -> FirstLook {
    let handshake: Handshake
    do {
      handshake = try Handshake(head)
    } catch {
      return .decided(.refused(.badRequest, error))
    }
    if let token = handshake.token {
      return .token(Claim(token: token, match: match, handshake: handshake))
    }
    guard match.route.access.allowsAnonymous else {
      return .decided(.refused(.unauthenticated, nil))
    }
    // A configuration with tenants allows it on no route; this makes it certain that nobody is without one.
    guard services.tenantClaim == nil else { return .decided(.refused(.notPermitted, nil)) }
    return .decided(enter(match, handshake, nil))
  }

  /// Why a token does not tell who comes.
  enum Unidentified: Error {
    case unauthenticated
    /// It is a good token, but names no tenant.
    case notPermitted

    var closeReason: CloseReason {
      switch self {
      case .unauthenticated: .unauthenticated
      case .notPermitted: .notPermitted
      }
    }
  }

  /// Verifies the token and applies the route's access rule.
  ///
  /// - Parameter now: seconds since 1970.
  private func decide(_ claim: Claim, now: Int64) async -> Decision {
    let match = claim.match
    switch await identify(claim.token, now: now) {
    case .failure(let reason):
      return .refused(reason.closeReason, nil)
    case .success(let identity):
      guard identity.mayEnter(match.route, match.variables) else {
        return .refused(.notPermitted, nil)
      }
      return enter(match, claim.handshake, identity)
    }
  }

  /// Verifies a token and finds its tenant.
  ///
  /// - Parameter now: seconds since 1970.
  func identify(_ token: String, now: Int64) async -> Result<Identity, Unidentified> {
    let verified: VerifiedToken
    do {
      verified = try await services.tokens.verify(token, now: now)
    } catch {
      services.logger.debug("a token was refused", metadata: ["error": "\(error)"])
      return .failure(.unauthenticated)
    }
    var tenant: TenantName?
    if let claim = services.tenantClaim {
      tenant = TenantName(claim: verified.claims[claim])
      guard tenant != nil else {
        services.logger.debug("a token names no tenant", metadata: ["claim": "\(claim)"])
        return .failure(.notPermitted)
      }
    }
    let wanted = services.routing.claims
    return .success(
      Identity(
        user: verified.user, tenant: tenant, expires: verified.expires,
        claims: verified.claims.filter { wanted.contains($0.key) }))
  }

  /// - Parameter identity: nil for an anonymous user.
  private func enter(
    _ match: RoutingTable.Match, _ handshake: Handshake, _ identity: Identity?
  ) -> Decision {
    let name = match.route.group.filled(match.variables, user: identity?.user.id ?? "")
    guard let group = GroupName(tenant: identity?.tenant, name: name) else {
      return .refused(
        .badRequest,
        Refusal(.badParameter, "the path and the user lead to no valid group name"))
    }
    var meta = PresenceMeta()
    if match.route.hasPresence, let text = handshake.presence {
      do {
        try meta.merge(ByteBuffer(string: text), limit: services.limits.presenceMetaSize)
      } catch {
        return .refused(.badRequest, Refusal(.badParameter, "presence: \(error.message)"))
      }
    }
    return .admitted(
      Admitted(
        route: match.route, variables: match.variables, group: group, identity: identity,
        anonymousName: handshake.name, since: handshake.since, meta: meta))
  }
}

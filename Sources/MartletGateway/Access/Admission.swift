internal import Logging
internal import MartletAccess
internal import MartletCore
internal import MartletProtocol
internal import NIOCore
internal import NIOHTTP1

/// Decides whether the client of an upgrade request may enter its group: token, tenant, the route's rule, and then what
/// the application's back end says (docs/protocol.md, Access hook), which only ever allows less.
struct Admission {
  let services: GatewayServices

  /// Which connection a client has come by.
  struct Visitor: Sendable {
    /// That of the session to come.
    var connectionID: String
    /// The peer, which may be a proxy.
    var address: String?
  }

  /// A client that may enter.
  struct Admitted: Sendable {
    var route: Route
    /// Of the path.
    var variables: [String: String]
    var group: GroupName
    /// When the token ends, in seconds since 1970; nil without one.
    var expires: Int64?
    var since: Position?
    /// What the connection says of itself, on a route with presence.
    var meta: PresenceMeta
    /// Who it is, and asks for what it wants later; see ``Permission``.
    var subject: AccessSubject
  }

  enum Decision: Sendable {
    case admitted(Admitted)
    /// With an `error` frame before the close, if the client's author has something to learn.
    case refused(CloseReason, Refusal?)
  }

  /// What can be said without looking into a token or asking anybody.
  enum FirstLook: Sendable {
    case decided(Decision)
    /// Ask ``decideAtOnce(_:now:)``, and if that does not know, ``decide(_:now:)``.
    case token(Claim)
  }

  /// A client about whom more has to be found out.
  struct Claim: Sendable {
    /// Nil: anonymous.
    fileprivate var token: String?
    fileprivate var match: RoutingTable.Match
    fileprivate var handshake: Handshake
    fileprivate var visitor: Visitor
  }

  /// A claim as far as it is known.
  private struct Candidate {
    var claim: Claim
    var user: User?
    var tenant: TenantName?
    var verified: VerifiedToken?
    var anonymousName: String?

    var route: Route { claim.match.route }

    var subject: AccessSubject {
      AccessSubject(
        connectionID: claim.visitor.connectionID,
        user: user
          ?? User(id: User.anonymousPrefix + claim.visitor.connectionID, name: anonymousName),
        tenant: tenant, claimsText: verified?.claimsText, remoteAddress: claim.visitor.address)
    }
  }

  /// The client may not enter.
  private struct Stop: Error {
    var reason: CloseReason
    var refusal: Refusal?

    init(_ reason: CloseReason, _ refusal: Refusal? = nil) {
      self.reason = reason
      self.refusal = refusal
    }
  }

  /// Decides about a client whose path leads to `match`.
  ///
  /// - Returns: completed already if nobody has to be waited for.
  func decide(
    _ head: HTTPRequestHead, _ match: RoutingTable.Match, from visitor: Visitor,
    on eventLoop: any EventLoop
  ) -> EventLoopFuture<Decision> {
    switch look(head, match, from: visitor) {
    case .decided(let decision):
      return eventLoop.makeSucceededFuture(decision)
    case .token(let claim):
      if let decision = decideAtOnce(claim, now: WallClock.seconds) {
        return eventLoop.makeSucceededFuture(decision)
      }
      return eventLoop.makeFutureWithTask { await decide(claim, now: WallClock.seconds) }
    }
  }

  /// Decides at once about clients without a token of whom nobody else wants to know.
  func look(
    _ head: HTTPRequestHead, _ match: RoutingTable.Match, from visitor: Visitor
  ) -> FirstLook {
    let handshake: Handshake
    do {
      handshake = try Handshake(head)
    } catch {
      return .decided(.refused(.badRequest, error))
    }
    let claim = Claim(
      token: handshake.token, match: match, handshake: handshake, visitor: visitor)
    if claim.token != nil { return .token(claim) }
    guard match.route.access.allowsAnonymous else {
      return .decided(.refused(.unauthenticated, nil))
    }
    // A configuration with tenants allows it on no route; this makes it certain that nobody is without one.
    guard services.tenantClaim == nil else { return .decided(.refused(.notPermitted, nil)) }
    guard match.route.access.hookEvents.isDisjoint(with: [.connect, .join]) else {
      return .token(claim)
    }
    return .decided(
      decision { () throws(Stop) in
        let candidate = try identify(claim, nil)
        return try enter(candidate, group(of: candidate), .allowed)
      })
  }

  /// Decides with the keys and answers that are here; nil: somebody has to be waited for.
  ///
  /// - Parameter now: seconds since 1970.
  func decideAtOnce(_ claim: Claim, now: Int64) -> Decision? {
    let access = services.access
    var verified: VerifiedToken?
    if let token = claim.token {
      switch access.look(token, now: now) {
      case .success(let token): verified = token
      case .failure(let error): return refused(error)
      case nil: return nil
      }
    }
    do throws(Stop) {
      var candidate = try identify(claim, verified)
      guard let connect = access.look(.connect(candidate.subject, candidate.route)) else {
        return nil
      }
      candidate = try connected(candidate, connect)
      let group = try group(of: candidate)
      guard let join = access.look(.join(candidate.subject, candidate.route, group)) else {
        return nil
      }
      return .admitted(try enter(candidate, group, join))
    } catch {
      return .refused(error.reason, error.refusal)
    }
  }

  /// Decides, and waits for keys and for the application's back end if it must.
  ///
  /// - Parameter now: seconds since 1970.
  func decide(_ claim: Claim, now: Int64) async -> Decision {
    let access = services.access
    var verified: VerifiedToken?
    if let token = claim.token {
      do {
        verified = try await access.verify(token, now: now)
      } catch {
        return refused(error)
      }
    }
    do throws(Stop) {
      var candidate = try identify(claim, verified)
      candidate = try connected(
        candidate, await access.permits(.connect(candidate.subject, candidate.route)))
      let group = try group(of: candidate)
      return .admitted(
        try enter(
          candidate, group,
          await access.permits(.join(candidate.subject, candidate.route, group))))
    } catch {
      return .refused(error.reason, error.refusal)
    }
  }

  // MARK: Steps, in their order

  private func refused(_ error: TokenError) -> Decision {
    services.logger.debug("a token was refused", metadata: ["error": "\(error)"])
    return .refused(error.isTransient ? .unavailable : .unauthenticated, nil)
  }

  /// Finds the tenant and applies the route's rule.
  private func identify(_ claim: Claim, _ verified: VerifiedToken?) throws(Stop) -> Candidate {
    var tenant: TenantName?
    if let verified {
      if let name = services.tenantClaim {
        tenant = TenantName(claim: verified.claims[name])
        guard tenant != nil else {
          services.logger.debug("a token names no tenant", metadata: ["claim": "\(name)"])
          throw Stop(.notPermitted)
        }
      }
      try check(claim, verified, user: verified.user)
    }
    return Candidate(
      claim: claim, user: verified?.user, tenant: tenant, verified: verified,
      anonymousName: claim.handshake.name)
  }

  private func check(_ claim: Claim, _ verified: VerifiedToken, user: User) throws(Stop) {
    guard
      claim.match.route.access.permits(
        claims: verified.claims, variables: claim.match.variables, user: user.id)
    else { throw Stop(.notPermitted) }
  }

  /// Takes the answer to `connect`, which may say who the client is.
  private func connected(
    _ candidate: Candidate, _ answer: AccessAnswer
  ) throws(Stop) -> Candidate {
    let identity = try allowed(answer)
    var candidate = candidate
    if let id = identity.userID {
      let name = candidate.user?.name ?? candidate.anonymousName
      candidate.user = User(id: id, name: identity.name ?? name)
      // The rule may speak of the user.
      if let verified = candidate.verified {
        try check(candidate.claim, verified, user: User(id: id, name: nil))
      }
    } else if let name = identity.name {
      candidate.user?.name = name
      candidate.anonymousName = name
    }
    return candidate
  }

  private func allowed(_ answer: AccessAnswer) throws(Stop) -> AccessAnswer.Identity {
    switch answer {
    case .allowed(let identity): return identity
    case .denied(let reason): throw Stop(.notPermitted, reason.map { Refusal(.notPermitted, $0) })
    case .unavailable: throw Stop(.unavailable, Permission.cannotBeDecided)
    }
  }

  private func group(of candidate: Candidate) throws(Stop) -> GroupName {
    let name = candidate.route.group.filled(
      candidate.claim.match.variables, user: candidate.user?.id ?? "")
    guard let group = GroupName(tenant: candidate.tenant, name: name) else {
      throw Stop(
        .badRequest,
        Refusal(.badParameter, "the path and the user lead to no valid group name"))
    }
    return group
  }

  /// Takes the answer to `join`.
  private func enter(
    _ candidate: Candidate, _ group: GroupName, _ answer: AccessAnswer
  ) throws(Stop) -> Admitted {
    _ = try allowed(answer)
    let handshake = candidate.claim.handshake
    var meta = PresenceMeta()
    if candidate.route.hasPresence, let text = handshake.presence {
      do {
        try meta.merge(ByteBuffer(string: text), limit: services.limits.presenceMetaSize)
      } catch {
        throw Stop(.badRequest, Refusal(.badParameter, "presence: \(error.message)"))
      }
    }
    return Admitted(
      route: candidate.route, variables: candidate.claim.match.variables, group: group,
      expires: candidate.verified?.expires, since: handshake.since, meta: meta,
      subject: candidate.subject)
  }

  private func decision(_ body: () throws(Stop) -> Admitted) -> Decision {
    do throws(Stop) {
      return .admitted(try body())
    } catch {
      return .refused(error.reason, error.refusal)
    }
  }
}

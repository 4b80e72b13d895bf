internal import MartletAccess
internal import MartletCore
internal import NIOCore

/// What a client that was admitted may do later: publish, join further groups, bring a new token.
struct Permission {
  let services: GatewayServices

  /// What a client is told that may ask again.
  static let cannotBeDecided = Refusal(
    .unavailable, "the application cannot say now whether this is allowed; try again")
  private static let notPermitted = Refusal(.notPermitted, "this is not allowed")

  // MARK: Publishing

  /// Whether the client may publish; the future is complete already if nobody has to be asked.
  ///
  /// - Parameter event: JSON, asked for only on routes where the back end wants to know.
  /// - Returns: nil: it may.
  func publish(
    _ type: String, in group: GroupName, _ route: Route, by subject: AccessSubject,
    on eventLoop: any EventLoop, event: () -> String
  ) -> EventLoopFuture<Refusal?> {
    guard route.access.hookEvents.contains(.publish) else {
      return eventLoop.makeSucceededFuture(nil)
    }
    let question = AccessQuestion.publish(
      subject, route, group, AccessQuestion.Publication(type: type, event: event()))
    return services.access.permits(question, on: eventLoop).map(Self.refusal)
  }

  // MARK: Further groups

  /// A group that a client may join on the connection that it has.
  struct Entrance: Sendable {
    var route: Route
    var group: GroupName
    /// Of the path; with the claims of a new token the route's rule is applied to them again.
    var variables: [String: String]
  }

  /// Whether the client may join the group that a path leads to.
  ///
  /// - Parameter path: without query.
  func join(_ path: Substring, by subject: AccessSubject) async -> Result<Entrance, Refusal> {
    guard let match = services.routing.match(path) else {
      return .failure(Refusal(.notFound, "no route has this path"))
    }
    if subject.claimsText == nil, subject.user.isAnonymous, !match.route.access.allowsAnonymous {
      return .failure(Refusal(.notPermitted, "this group is for users with a token"))
    }
    let claims = match.route.access.conditions.isEmpty ? [:] : subject.claims
    guard
      match.route.access.permits(
        claims: claims, variables: match.variables, user: subject.user.id)
    else { return .failure(Self.notPermitted) }
    let user = subject.user.isAnonymous ? "" : subject.user.id
    let name = match.route.group.filled(match.variables, user: user)
    guard let group = GroupName(tenant: subject.tenant, name: name) else {
      return .failure(
        Refusal(.badParameter, "the path and the user lead to no valid group name"))
    }
    let answer = await services.access.permits(.join(subject, match.route, group))
    if let refusal = Self.refusal(answer) { return .failure(refusal) }
    return .success(Entrance(route: match.route, group: group, variables: match.variables))
  }

  // MARK: New tokens

  /// What a new token changes.
  struct Renewal: Sendable {
    /// Instead of the one of before.
    var subject: AccessSubject
    /// For the rules of the groups that the client is in: it has to leave those that permit it no more.
    var claims: [String: JSONValue]
    /// Seconds since 1970.
    var expires: Int64
  }

  /// Verifies a token that a client brings to stay longer. It has to be of the same user and tenant.
  ///
  /// - Parameter now: seconds since 1970.
  func renew(
    _ token: String, by subject: AccessSubject, now: Int64
  ) async -> Result<Renewal, Refusal> {
    guard subject.claimsText != nil, case .string(let id)? = subject.claims["sub"] else {
      return .failure(
        Refusal(.notPermitted, "only who came with a token brings a new one; connect again"))
    }
    let verified: VerifiedToken
    do {
      verified = try await services.access.verify(token, now: now)
    } catch {
      return .failure(
        error.isTransient
          ? Self.cannotBeDecided : Refusal(.unauthorized, "the token is not accepted"))
    }
    let tenant = services.tenantClaim.flatMap { TenantName(claim: verified.claims[$0]) }
    guard verified.user.id == id, tenant == subject.tenant else {
      return .failure(
        Refusal(.notPermitted, "the token is of somebody else; connect again to be another user"))
    }
    return .success(
      Renewal(
        subject: AccessSubject(
          connectionID: subject.connectionID, user: subject.user, tenant: subject.tenant,
          claimsText: verified.claimsText, remoteAddress: subject.remoteAddress),
        claims: verified.claims, expires: verified.expires))
  }

  private static func refusal(_ answer: AccessAnswer) -> Refusal? {
    switch answer {
    case .allowed: nil
    case .denied(let reason): reason.map { Refusal(.notPermitted, $0) } ?? notPermitted
    case .unavailable: cannotBeDecided
    }
  }
}

internal import Logging
internal import MartletCore
internal import MartletDaemon
internal import NIOHTTP1

/// Decides whether the client of an upgrade request may enter its group.
struct Admission {
  let services: GatewayServices

  /// A client that may enter.
  struct Admitted: Sendable {
    var group: GroupName
    /// Nil: anonymous.
    var user: User?
    var anonymousName: String?
    var expires: Int64?
    var since: Position?
  }

  enum Decision: Sendable {
    case admitted(Admitted)
    /// With an `error` frame before the close, if the client's author has something to learn.
    case refused(CloseReason, Refusal?)
  }

  /// - Parameter now: seconds since 1970.
  func decide(_ head: HTTPRequestHead, now: Int64) async -> Decision {
    guard let match = services.routing.match(RequestTarget(head.uri).path) else {
      return .refused(.badRequest, nil)
    }
    let handshake: Handshake
    do {
      handshake = try Handshake(head)
    } catch {
      return .refused(.badRequest, error)
    }
    let access = match.route.access
    guard let token = handshake.token else {
      guard access.allowsAnonymous else { return .refused(.unauthenticated, nil) }
      return enter(match, handshake, verified: nil)
    }
    do {
      let verified = try await services.tokens.verify(token, now: now)
      guard
        access.permits(
          claims: verified.claims, variables: match.variables, user: verified.user.id)
      else { return .refused(.notPermitted, nil) }
      return enter(match, handshake, verified: verified)
    } catch {
      services.logger.debug("a token was refused", metadata: ["error": "\(error)"])
      return .refused(.unauthenticated, nil)
    }
  }

  private func enter(
    _ match: RoutingTable.Match, _ handshake: Handshake, verified: VerifiedToken?
  ) -> Decision {
    let name = match.route.group.filled(match.variables, user: verified?.user.id ?? "")
    guard let group = GroupName(name) else {
      return .refused(
        .badRequest,
        Refusal(.badParameter, "the path and the user lead to no valid group name"))
    }
    return .admitted(
      Admitted(
        group: group, user: verified?.user, anonymousName: handshake.name,
        expires: verified?.expires, since: handshake.since))
  }
}

internal import MartletCore

/// Whom a session belongs to, as its token says.
struct Identity: Sendable {
  var user: User
  /// Nil in a cluster without tenants.
  var tenant: TenantName?
  /// Seconds since 1970 at which the token ends; nil without one.
  var expires: Int64?
  /// The claims that some route's access rule asks for.
  var claims: [String: JSONValue] = [:]

  var isAnonymous: Bool { user.isAnonymous }

  /// Whether a route's rule, without what others have to be asked, lets the user in.
  func mayEnter(_ route: Route, _ variables: [String: String]) -> Bool {
    user.isAnonymous
      ? route.access.allowsAnonymous
      : route.access.permits(claims: claims, variables: variables, user: user.id)
  }
}

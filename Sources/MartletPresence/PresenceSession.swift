package import MartletCore

/// A connection that is a member of a group, and its user.
package struct PresenceSession: Equatable, Sendable {
  package var group: GroupName
  /// Unique in its gateway; without white space.
  package var connectionID: String
  package var user: User
  /// What the connection says of itself to the other members: a JSON object without white space between its tokens.
  package var meta: String
  /// Where the connection comes from, for backends only: a JSON object like ``meta``.
  package var origin: String

  package init(
    group: GroupName, connectionID: String, user: User, meta: String = "{}",
    origin: String = "{}"
  ) {
    self.group = group
    self.connectionID = connectionID
    self.user = user
    self.meta = meta
    self.origin = origin
  }

  /// Nil for an anonymous user, which has no home.
  package var home: HomeUser? {
    user.isAnonymous ? nil : HomeUser(user: user, tenant: group.tenant)
  }
}

/// A user that is known across groups.
package struct HomeUser: Equatable, Sendable {
  package var user: User
  /// Nil in a cluster without tenants.
  package var tenant: TenantName?

  package init(user: User, tenant: TenantName?) {
    self.user = user
    self.tenant = tenant
  }

  package var key: UserKey { UserKey(tenant: tenant, id: user.id) }
}

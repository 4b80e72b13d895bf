package import MartletCore

/// Who asks for something: one connection, with what its token said. Kept as long as further questions may come.
package final class AccessSubject: Sendable {
  package let connectionID: String
  package let user: User
  /// Nil in a cluster without tenants.
  package let tenant: TenantName?
  /// The token's claims as JSON; nil for an anonymous user.
  package let claimsText: String?
  /// The peer of the connection, which may be a proxy.
  package let remoteAddress: String?

  package init(
    connectionID: String, user: User, tenant: TenantName?, claimsText: String?,
    remoteAddress: String?
  ) {
    self.connectionID = connectionID
    self.user = user
    self.tenant = tenant
    self.claimsText = claimsText
    self.remoteAddress = remoteAddress
  }

  /// The claims, read anew from their text: sessions keep only that.
  package var claims: [String: JSONValue] {
    claimsText.flatMap { try? JSONValueReader.object(Array($0.utf8)) } ?? [:]
  }
}

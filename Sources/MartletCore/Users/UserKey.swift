/// A user across all groups: ids of two tenants may be alike.
package struct UserKey: Hashable, Sendable, CustomStringConvertible {
  /// `ID`, or `TENANT/ID`; an id may have slashes, but a tenant's name has none.
  package let text: String

  /// - Parameter tenant: nil in a cluster without tenants.
  package init(tenant: TenantName?, id: String) {
    text = tenant.map { "\($0)/\(id)" } ?? id
  }

  /// Takes the text of another key.
  package init(text: String) {
    self.text = text
  }

  package var description: String { text }
}

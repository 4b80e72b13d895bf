/// Who is behind a session, as other members see it.
package struct User: Hashable, Sendable {
  /// The token's `sub`, or `anonymous:` and the connection id.
  package var id: String
  /// The token's `name`, or what an anonymous user called itself.
  package var name: String?

  /// What anonymous ids begin with; a token whose `sub` begins so is refused.
  package static let anonymousPrefix = "anonymous:"

  package init(id: String, name: String?) {
    self.id = id
    self.name = name
  }

  /// Whether nobody can ask for the user by id: it differs on each connection.
  package var isAnonymous: Bool { Self.isAnonymous(id) }

  /// Whether this is the id of a user that is anonymous.
  package static func isAnonymous(_ id: String) -> Bool { id.hasPrefix(anonymousPrefix) }

  /// `{"id":…,"name":…}`
  package var json: String {
    var text = #"{"id":"# + JSONText.quoted(id)
    if let name { text += #","name":"# + JSONText.quoted(name) }
    return text + "}"
  }
}

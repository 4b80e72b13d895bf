/// What a client may do.
package enum AccessAnswer: Equatable, Sendable {
  /// It may. The identity says who the client is from now on; only `connect` brings one.
  case allowed(Identity)
  /// It may not. The reason is for the author of the client.
  case denied(reason: String?)
  /// Nobody could say: it may not now, and may ask again.
  case unavailable

  /// What the back end says of a client that connects; nil: as the token says.
  package struct Identity: Equatable, Sendable {
    package var userID: String?
    package var name: String?

    package init(userID: String? = nil, name: String? = nil) {
      self.userID = userID
      self.name = name
    }
  }

  /// Allowed, as the client is.
  package static let allowed = AccessAnswer.allowed(Identity())
}

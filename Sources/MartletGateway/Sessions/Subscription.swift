internal import MartletCore
internal import MartletProtocol

/// A session's place in one group: the one that its path leads to, or a further one. Confined to its hub's event loop.
final class Subscription {
  let group: GroupName
  let route: Route
  /// The path's variables, where the access rule asks for them again.
  let variables: [String: String]
  /// Nil on routes without presence.
  let presence: SessionPresence?
  /// The request that its beginning answers; nil for the group of the session's path.
  let request: RequestReference?
  /// Nil as soon as the session is in the group no more.
  private(set) var session: Session?

  /// Where it stands among the group's members; kept by ``LocalGroup``.
  var memberIndex: Int?
  /// Up to where the client had been sent everything when it left; nil if it has not joined.
  private(set) var lastPosition: Position?
  /// Whether the client has been told where it is in the group.
  private(set) var isLive = false

  init(
    group: GroupName, route: Route, variables: [String: String] = [:],
    presence: SessionPresence? = nil, request: RequestReference? = nil
  ) {
    self.group = group
    self.route = route
    self.variables = route.access.conditions.isEmpty ? [:] : variables
    self.presence = presence
    self.request = request
  }

  func attach(_ session: Session) {
    self.session = session
  }

  func becameLive() {
    isLive = true
  }

  /// Breaks the tie to the session.
  ///
  /// - Parameter position: up to where the client has been sent everything; nil if it has not joined.
  func end(at position: Position?) {
    session = nil
    lastPosition = position
  }
}

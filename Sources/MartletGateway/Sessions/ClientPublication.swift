internal import MartletBackplane
internal import MartletCore
internal import MartletProtocol

/// An event of a client, as the rules of its route let it into the backplane.
struct ClientPublication: Sendable {
  let request: PublishRequest

  /// - Parameters:
  ///   - connectionID: whom an event that excludes its sender is not sent; nil: nobody.
  init(
    _ event: ClientEvent, of user: User, to group: GroupName, _ route: Route,
    excluding connectionID: String?
  ) throws(RefusedFrame) {
    guard let rule = route.events[event.type] else {
      throw Self.unknown(event.type, on: route, event.reference)
    }
    guard rule.kind != .presence else {
      throw RefusedFrame(
        refusal: Refusal(.unknownType, "\(event.type.prefix(64)) is about a connection that stays"),
        reference: event.reference)
    }
    var body = event.body
    body.append("sender", json: user.json)
    // Two users may choose the same id. An anonymous user has another id on each connection, and
    // repeats its events on the next one.
    let scope = user.isAnonymous ? User.anonymousPrefix : user.id
    request = PublishRequest(
      group: group, event: body.closed,
      kind: rule.kind == .ephemeral ? .ephemeral : .published(route.retention),
      excluded: rule.excludesSender ? connectionID : nil,
      idempotencyID: event.idempotencyID.map { "u:\(scope.utf8.count):\(scope):\($0)" },
      durability: route.durability)
  }

  static func unknown(
    _ type: String, on route: Route, _ reference: RequestReference?
  ) -> RefusedFrame {
    let own = EventRule.reservedTypes.filter { route.hasPresence || !$0.hasPrefix("presence") }
    let types = (route.events.keys.sorted() + own.sorted()).joined(separator: ", ")
    return RefusedFrame(
      refusal: Refusal(
        .unknownType, "\(type.prefix(64)) is not accepted here; accepted are \(types)"),
      reference: reference)
  }
}

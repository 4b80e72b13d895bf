/// One line of the routing table: which group a path leads to, who may enter, and what may be sent.
///
/// An object, since every session refers to its route.
package final class Route: Sendable {
  package let path: PathPattern
  /// The same group for clients of server-sent events that know it by another path.
  package let eventStreamPath: PathPattern?
  package let group: TextTemplate
  package let access: AccessRule
  /// Nil: publications are numbered but not kept.
  package let retention: Retention?
  /// What has to be so before publishers are answered.
  package let durability: Durability
  /// Whether members are listed, and joins and leaves announced.
  package let hasPresence: Bool
  /// By event type.
  package let events: [String: EventRule]
  /// What a user may publish; the cluster's if the route has none of its own. Nil: as much as the user likes.
  package let quota: Quota?

  package init(
    path: PathPattern, eventStreamPath: PathPattern? = nil, group: TextTemplate,
    access: AccessRule = AccessRule(), retention: Retention? = nil,
    durability: Durability = .primary, hasPresence: Bool = false, events: [String: EventRule] = [:],
    quota: Quota? = nil
  ) {
    self.durability = durability
    self.path = path
    self.eventStreamPath = eventStreamPath
    self.group = group
    self.access = access
    self.retention = retention
    self.hasPresence = hasPresence
    self.events = events
    self.quota = quota
  }
}

/// What happens to an event of a type that clients may send.
package struct EventRule: Hashable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    case published
    /// Neither numbered nor retained.
    case ephemeral
    /// Not passed on: its fields become the connection's meta.
    case presence
  }

  /// Types that clients send to the server itself.
  package static let reservedTypes: Set<String> = [
    "ping", "presence", "presence_update", "subscribe", "unsubscribe", "refresh",
  ]

  package var kind: Kind
  /// The sending connection does not receive it.
  package var excludesSender: Bool

  package init(_ kind: Kind = .published, excludesSender: Bool = false) {
    self.kind = kind
    self.excludesSender = excludesSender
  }
}

/// The routes of a configuration, in order.
package struct RoutingTable: Sendable {
  /// What a path of server-sent events begins with, unless the route has one of its own.
  package static let eventStreamPrefix = "/sse"
  /// What a path begins with for clients that only make single requests.
  package static let pollPrefix = "/poll"

  package let routes: [Route]
  /// Paths where a binary or text message is sent back as it came, to test clients with.
  package let echoes: [PathPattern]
  /// The claims of tokens that decide about access.
  package let claims: Set<String>
  /// Whether any route has presence.
  package let hasPresence: Bool

  package init(_ routes: [Route], echoes: [PathPattern] = []) {
    self.routes = routes
    self.echoes = echoes
    self.claims = Set(routes.flatMap { $0.access.conditions.map(\.claim) })
    self.hasPresence = routes.contains { $0.hasPresence }
  }

  /// A route that matches a path, with the variables' values.
  package struct Match: Sendable {
    package var route: Route
    package var variables: [String: String]
  }

  /// The first route that matches `path` (without query).
  package func match(_ path: Substring) -> Match? {
    let segments = PathPattern.split(path)
    for route in routes {
      if let variables = route.path.match(segments) {
        return Match(route: route, variables: variables)
      }
    }
    return nil
  }

  /// The first route whose events are streamed at `path` (without query): at a path of its own, or at that for WebSockets
  /// behind ``eventStreamPrefix``.
  package func matchEventStream(_ path: Substring) -> Match? {
    for route in routes {
      if let variables = route.eventStreamPath?.match(path) {
        return Match(route: route, variables: variables)
      }
    }
    guard path.hasPrefix(Self.eventStreamPrefix + "/") else { return nil }
    return match(path.dropFirst(Self.eventStreamPrefix.count))
  }

  /// Whether `path` (without query) is one of ``echoes``.
  package func isEcho(_ path: Substring) -> Bool {
    echoes.contains { $0.match(path) != nil }
  }

  /// The settings for a group that is named without a path: those of the first route that could lead to it, in
  /// whichever tenant.
  package func route(leadingTo group: GroupName) -> Route? {
    routes.first { $0.group.couldProduce(group.name) }
  }
}

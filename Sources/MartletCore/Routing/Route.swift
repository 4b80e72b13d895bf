/// One line of the routing table: which group a path leads to, who may enter, and what may be sent.
package struct Route: Sendable {
  package var path: PathPattern
  package var group: TextTemplate
  package var access: AccessRule
  /// Nil: publications are numbered but not kept.
  package var retention: Retention?
  /// What has to be so before publishers are answered.
  package var durability: Durability
  /// Whether members are listed, and joins and leaves announced.
  package var hasPresence: Bool
  /// By event type.
  package var events: [String: EventRule]
  /// What a user may publish; the cluster's if the route has none of its own. Nil: as much as the user likes.
  package var quota: Quota?

  package init(
    path: PathPattern, group: TextTemplate, access: AccessRule = AccessRule(),
    retention: Retention? = nil, durability: Durability = .primary, hasPresence: Bool = false,
    events: [String: EventRule] = [:], quota: Quota? = nil
  ) {
    self.durability = durability
    self.path = path
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
  package static let reservedTypes: Set<String> = ["ping", "presence", "presence_update"]

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
  package var routes: [Route]

  package init(_ routes: [Route]) {
    self.routes = routes
  }

  /// A route that matches a path, with the variables' values.
  package struct Match: Sendable {
    package var route: Route
    package var variables: [String: String]
  }

  /// The first route that matches `path` (without query).
  package func match(_ path: Substring) -> Match? {
    for route in routes {
      if let variables = route.path.match(path) {
        return Match(route: route, variables: variables)
      }
    }
    return nil
  }

  /// The settings for a group that is named without a path: those of the first route that could lead to it, in
  /// whichever tenant.
  package func route(leadingTo group: GroupName) -> Route? {
    routes.first { $0.group.couldProduce(group.name) }
  }
}

internal import MartletCore

/// What a route is for.
private enum RouteKind: String, CaseIterable {
  /// Its path leads to a group.
  case group
  /// Messages are sent back as they came.
  case echo
}

extension RoutingTable {
  /// - Parameters:
  ///   - hasTenants: whether the cluster has any.
  ///   - hookEvents: what the access hook is asked about on routes that do not say; nil: there is none.
  ///   - quota: of routes without one of their own.
  init(
    _ nodes: [ConfigurationNode], hasTenants: Bool, hookEvents: Set<AccessEvent>?, quota: Quota?
  ) throws(ConfigurationError) {
    var routes: [Route] = []
    var echoes: [PathPattern] = []
    for node in nodes {
      var mapping = try node.mapping()
      let pathNode = try mapping.required("path", "a pattern such as /ws/rooms/{room}/")
      let path = try pathNode.pattern { text throws(PatternError) in try PathPattern(text) }
      switch try mapping.optional("kind")?.oneOf(RouteKind.self) ?? .group {
      case .group:
        routes.append(
          try Route(path, mapping, hasTenants: hasTenants, hookEvents: hookEvents, quota: quota))
      case .echo:
        try mapping.finish()
        echoes.append(path)
      }
    }
    self.init(routes, echoes: echoes)
  }
}

extension Route {
  /// - Parameters:
  ///   - mapping: what there is besides `path` and `kind`.
  ///   - hasTenants: whether the cluster has any.
  ///   - hookEvents: what the access hook is asked about on routes that do not say; nil: there is none.
  ///   - quota: of routes without one of their own.
  fileprivate convenience init(
    _ path: PathPattern, _ mapping: ConfigurationMapping, hasTenants: Bool,
    hookEvents: Set<AccessEvent>?, quota: Quota?
  ) throws(ConfigurationError) {
    var mapping = mapping
    var eventStreamPath: PathPattern?
    if let node = mapping.optional("event_stream_path") {
      let pattern = try node.pattern { text throws(PatternError) in try PathPattern(text) }
      guard pattern.variables == path.variables else {
        throw node.error("must have the same variables as path")
      }
      eventStreamPath = pattern
    }
    let groupNode = try mapping.required("group", "a text such as room_{room}")
    let group = try groupNode.template(path.variables)
    let access = try AccessRule(
      mapping.section("access"), path.variables, hasTenants: hasTenants, hookEvents: hookEvents)
    var retention: Retention?
    if let node = mapping.optional("history") { retention = try Retention(node.mapping()) }
    let durability =
      try mapping.optional("durability")?.oneOf(Durability.self) ?? Durability.primary
    let hasPresence = try mapping.optional("presence")?.boolean() ?? false
    var events: [String: EventRule] = [:]
    for (name, node) in try mapping.section("events").entries {
      guard !EventRule.reservedTypes.contains(name), !name.isEmpty else {
        throw node.error("is a type of the protocol; an event needs another name")
      }
      let rule = try EventRule(node.mapping())
      guard rule.kind != .presence || hasPresence else {
        throw node.error("kind presence is for routes with presence: true")
      }
      guard rule.kind != .presence || !rule.excludesSender else {
        throw node.error("kind presence is not passed on, so that exclude_sender means nothing")
      }
      events[name] = rule
    }
    var quota = quota
    if let node = mapping.optional("user_publications") {
      quota = try Quota(node.mapping(), scope: path.text)
    }
    try mapping.finish()
    if group.mentionsUser, access.allowsAnonymous {
      throw groupNode.error(
        "a group with {user.id} and access.anonymous would give each anonymous connection a group"
          + " of its own; allowed is one of the two")
    }
    self.init(
      path: path, eventStreamPath: eventStreamPath, group: group, access: access,
      retention: retention, durability: durability, hasPresence: hasPresence, events: events,
      quota: quota)
  }
}

extension AccessRule {
  init(
    _ mapping: ConfigurationMapping, _ variables: Set<String>, hasTenants: Bool,
    hookEvents: Set<AccessEvent>?
  ) throws(ConfigurationError) {
    var mapping = mapping
    self.init()
    if let node = mapping.optional("anonymous") {
      allowsAnonymous = try node.boolean()
      guard !allowsAnonymous || !hasTenants else {
        throw node.error(
          "true is not allowed in a cluster with tenants: a token names the tenant, and an anonymous user"
            + " has none")
      }
    }
    for (claim, node) in try mapping.section("claims").entries {
      conditions.append(try ClaimCondition(claim, node.mapping(), variables))
    }
    if let node = mapping.optional("hook") {
      guard hookEvents != nil else {
        throw node.error("needs auth.hook, which says where to ask")
      }
      self.hookEvents = try Set(node.list(of: AccessEvent.self))
    } else {
      self.hookEvents = hookEvents ?? []
    }
    try mapping.finish()
  }
}

extension ClaimCondition {
  init(
    _ claim: String, _ mapping: ConfigurationMapping, _ variables: Set<String>
  ) throws(ConfigurationError) {
    var mapping = mapping
    func operand(_ node: ConfigurationNode) throws(ConfigurationError) -> Operand {
      node.isText ? .text(try node.template(variables)) : .fixed(try node.plainValue())
    }
    let equals = try mapping.optional("equals").map(operand)
    let oneOf = try mapping.optional("one_of")?.list().map(operand)
    let contains = try mapping.optional("contains").map(operand)
    switch (equals, oneOf, contains) {
    case (let value?, nil, nil): self.init(claim: claim, test: .equals(value))
    case (nil, let values?, nil): self.init(claim: claim, test: .isOne(of: values))
    case (nil, nil, let value?): self.init(claim: claim, test: .contains(value))
    default:
      throw mapping.missing(
        ["equals", "one_of", "contains"], "needs exactly one of equals, one_of, contains")
    }
    try mapping.finish()
  }
}

extension Retention {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    self.init(
      size: try mapping.required("size", "how many publications to keep").integer(1...100_000),
      ttl: try mapping.required("ttl", "how long to keep them")
        .duration(.seconds(1)...(.seconds(365 * 86_400))))
    try mapping.finish()
  }
}

extension EventRule {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    self.init(
      try mapping.optional("kind")?.oneOf(Kind.self) ?? .published,
      excludesSender: try mapping.optional("exclude_sender")?.boolean() ?? false)
    try mapping.finish()
  }
}

extension ConfigurationNode {
  fileprivate func pattern<Value>(
    _ parse: (String) throws(PatternError) -> Value
  ) throws(ConfigurationError) -> Value {
    let text = try text()
    do {
      return try parse(text)
    } catch {
      throw self.error("\"\(text)\" is not allowed: \(error.message)")
    }
  }

  fileprivate func template(_ variables: Set<String>) throws(ConfigurationError) -> TextTemplate {
    try pattern { text throws(PatternError) in try TextTemplate(text, allowed: variables) }
  }
}

extension Scenario {
  /// Checks what no key can be judged by alone; touches neither network nor files.
  ///
  /// - Throws: `ScenarioError` for the first key that does not fit the others.
  package func validate() throws(ScenarioError) {
    try check(!targets.isEmpty, "targets", "is missing; it is a list such as [ws://127.0.0.1:8080]")
    try check(!groups.isEmpty, "groups", "is missing; it is a mapping such as {rooms: {count: 10}}")
    try check(!behaviours.isEmpty, "behaviours", "is missing; at least one is needed")
    try check(!phases.isEmpty, "phases", "is missing; at least one is needed")
    try validatePhases()
    let load = ScenarioLoad(self)
    for (index, behaviour) in behaviours.enumerated() {
      try validate(behaviour, "behaviours[\(index)]", load)
      try validate(behaviour, at: index, besides: behaviours.prefix(index))
    }
    for name in groups.keys.sorted() {
      try check(
        behaviours.contains { $0.group == name }, "groups.\(name)", "is the group of no behaviour")
    }
    for (index, fault) in faults.enumerated() {
      let end = load.shortestLength
      try check(
        fault.at < end, "faults[\(index)].at",
        "\(fault.at.spelled) is not before the end of the run, which lasts \(end.spelled) if all join in time; choose an"
          + " earlier moment, or longer phases (--duration)")
    }
    if let sampling {
      try check(
        grace >= sampling.readEvery * 2, "grace",
        "\(grace.spelled) is not allowed; allowed is at least twice sampling.read_every, \((sampling.readEvery * 2).spelled)"
      )
    }
    try check(
      security == Security() || targets.contains(where: \.isSecure), "tls",
      "is for wss:// targets, and there are none")
    for (index, threshold) in thresholds.enumerated() {
      if let problem = problem(threshold, load) {
        throw ScenarioError(key: "thresholds[\(index)]", problem: problem)
      }
    }
  }

  private func check(
    _ holds: Bool, _ key: String, _ problem: @autoclosure () -> String
  ) throws(ScenarioError) {
    guard holds else { throw ScenarioError(key: key, problem: problem()) }
  }

  // MARK: Phases

  private func validatePhases() throws(ScenarioError) {
    var names: Set<String> = []
    for (index, phase) in phases.enumerated() {
      let key = "phases[\(index)]"
      try check(
        names.insert(phase.name).inserted, "\(key).name",
        "\"\(phase.name)\" is the name of an earlier phase")
      try check(
        index > 0 || phase.clients != nil, "\(key).clients",
        "is missing; the first phase says how many there are")
      try check(
        phase.clients != nil || phase.ramp == .zero, "\(key).ramp",
        "needs clients: without them their number does not change")
    }
    let load = ScenarioLoad(self)
    try check(load.mostClients > 0, "phases", "have no clients; one phase needs some")
    try check(load.longestLength > .zero, "phases", "take no time; one needs a ramp or a hold")
    try check(
      load.longestLength <= ScenarioLimits.length.upperBound, "phases",
      "take \(load.longestLength.spelled); allowed is at most 7d")
    try check(
      load.clientsEver <= ScenarioLimits.clients.upperBound, "phases",
      "have \(load.clientsEver) clients one after the other; allowed are at most"
        + " \(ScenarioLimits.clients.upperBound)")
  }

  // MARK: Behaviours

  private func validate(
    _ behaviour: Behaviour, _ key: String, _ load: ScenarioLoad
  ) throws(ScenarioError) {
    let names = groups.keys.sorted().joined(separator: ", ")
    guard let spread = groups[behaviour.group] else {
      throw ScenarioError(
        key: "\(key).group", problem: "\"\(behaviour.group)\" is no group; there are \(names)")
    }
    try check(
      PlainText.isPath(behaviour.path), "\(key).path",
      "\"\(behaviour.path)\" is not allowed; allowed is visible ASCII that begins with / and has no #"
    )
    if let problem = Placeholders.problem(in: behaviour.path, allowed: Placeholders.ofClients) {
      throw ScenarioError(key: "\(key).path", problem: problem)
    }
    let count = spread.count(for: load.clientsEver)
    try check(
      count == 1 || namesGroup(behaviour), "\(key).path",
      "\"\(behaviour.path)\" is the same for all \(count) groups; {group} is needed in the path,"
        + " in the token's claims or in the adapter's join")
    let isWebSocket =
      behaviour.transport == .webSocket || behaviour.transport == .webSocketOverHTTP2
    try check(
      isWebSocket || !behaviour.isCompressed, "\(key).compression",
      "is for WebSockets (RFC 7692); the transport is \(behaviour.transport.rawValue)")
    if adapter != nil {
      try check(
        isWebSocket, "\(key).transport",
        "\(behaviour.transport.rawValue) is Martlet's own; with an adapter it is websocket or websocket_h2"
      )
      try check(
        !behaviour.watchesPresence, "\(key).watch_presence",
        "is for Martlet's user_joined; an adapter has no such message")
    }
    try check(
      !behaviour.watchesPresence || tellsArrivals(to: behaviour), "\(key).watch_presence",
      "has nothing to time: no behaviour of the group has {started} in a name that members are told (in the path or in"
        + " the token's claims)")
    if let publishing = behaviour.publishing {
      try validate(publishing, of: behaviour, "\(key).publish", load)
    }
  }

  /// Whether somebody who comes to the group of `behaviour` says when.
  private func tellsArrivals(to behaviour: Behaviour) -> Bool {
    behaviours.contains { other in
      guard other.group == behaviour.group else { return false }
      var texts = [other.path]
      if case .signed(_, _, let claims, _) = other.token { texts.append(claims) }
      return texts.contains { Placeholders.contains(Placeholders.started, in: $0) }
    }
  }

  /// Whether clients of different groups say so.
  private func namesGroup(_ behaviour: Behaviour) -> Bool {
    var texts = [behaviour.path]
    if let join = adapter?.join { texts.append(join) }
    if case .signed(_, _, let claims, _) = behaviour.token { texts.append(claims) }
    if case .file = behaviour.token { return true }
    return texts.contains { Placeholders.contains(Placeholders.group, in: $0) }
  }

  private func validate(
    _ behaviour: Behaviour, at index: Int, besides earlier: ArraySlice<Behaviour>
  ) throws(ScenarioError) {
    let key = "behaviours[\(index)]"
    try check(
      !earlier.contains { $0.name == behaviour.name }, "\(key).name",
      "\"\(behaviour.name)\" is the name of an earlier behaviour")
    guard adapter == nil else { return }
    // A member is owed what its group publishes, so that a group has to be one for the server, too.
    for other in earlier {
      if other.group == behaviour.group {
        try check(
          other.pathWithoutQuery == behaviour.pathWithoutQuery, "\(key).path",
          "\"\(behaviour.pathWithoutQuery)\" is another one than that of \"\(other.name)\", which is in"
            + " the same group \"\(other.group)\"; give it a group of its own")
      } else {
        try check(
          other.pathWithoutQuery != behaviour.pathWithoutQuery || other.token != behaviour.token,
          "\(key).group",
          "\"\(behaviour.group)\" is another group than that of \"\(other.name)\", which has the same"
            + " path; members of one path have one group")
      }
    }
  }

  private func validate(
    _ publishing: Publishing, of behaviour: Behaviour, _ key: String, _ load: ScenarioLoad
  ) throws(ScenarioError) {
    try check(
      ScenarioLimits.eventTypeLength.contains(publishing.type.utf8.count)
        && PlainText.isPlain(publishing.type), "\(key).type",
      "\"\(publishing.type)\" is not allowed; allowed are 1 to 64 visible ASCII characters without"
        + " quotation marks and backslashes")
    let fastest = publishing.gap.highestRate * (phases.map(\.pace).max() ?? 1)
    try check(
      // With room for rounding.
      fastest <= ScenarioLimits.rate.upperBound * 1.000_001, key,
      "makes \(fastest.spelled) publications of one client per second at the highest pace; allowed are at"
        + " most \(ScenarioLimits.rate.upperBound.spelled)")
    let publications = load.publications(publishing)
    try check(
      publications <= ScenarioLimits.publicationsPerClient, key,
      "makes \(publications.spelled) publications of one client; allowed are at most 1000000000")
    let digits = EventSize.Digits(
      clients: load.clientsEver, publications: publications,
      nanoseconds: load.longestLength.nanoseconds)
    let smallest =
      if let adapter {
        EventSize.smallest(
          adapter, groups: groups[behaviour.group]?.count(for: load.clientsEver) ?? 1, digits)
      } else {
        EventSize.smallest(publishing, digits)
      }
    try check(
      publishing.size.smallest >= smallest, "\(key).size",
      "\(publishing.size.smallest) is not allowed; allowed is from \(smallest), which the fields of this run's"
        + " events need, to \(ScenarioLimits.size.upperBound) bytes")
  }

  // MARK: Thresholds

  /// Why the number would never be there.
  private func problem(_ threshold: Threshold, _ load: ScenarioLoad) -> String? {
    guard case .latency(let kind, _) = threshold.metric else { return nil }
    let isPublished =
      load.publishes
      && (kind == .deliver
        || behaviours.contains { $0.publishing.map { !$0.isEphemeral } ?? false })
    switch kind {
    case .connect, .join: return nil
    case .deliver:
      return isPublished ? nil : "measures deliveries, but nobody publishes"
    case .acknowledge:
      if let adapter, adapter.acknowledgement == nil {
        return "measures acknowledgements, but the adapter has none"
      }
      return isPublished
        ? nil : "measures acknowledgements, but nobody publishes what is acknowledged"
    case .recover:
      guard adapter == nil else { return "measures recovery, which an adapter does not know" }
      return !faults.isEmpty || behaviours.contains { $0.stay != nil }
        ? nil
        : "measures recovery, but there is no fault, and nobody has a stay after which it comes back"
    case .presence:
      return behaviours.contains(where: \.watchesPresence)
        ? nil : "measures presence, but no behaviour has watch_presence: true"
    }
  }
}

extension Behaviour {
  fileprivate var pathWithoutQuery: Substring { path.prefix { $0 != "?" } }
}

extension Publishing.Gap {
  /// Publications per second in the densest stretch that is decided.
  fileprivate var highestRate: Double {
    switch self {
    case .constant, .exponential: rate
    case .uniform(let lowest, _): 1 / (lowest / .seconds(1))
    }
  }
}

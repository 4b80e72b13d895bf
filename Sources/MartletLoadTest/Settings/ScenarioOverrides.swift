/// What options of the command line change in a scenario; nil: as the scenario says.
package struct ScenarioOverrides: Sendable, Equatable {
  package var targets: [Target]?
  /// Of the last phase that says how many; those of the others change in proportion.
  package var clients: Int?
  /// Of every spread. Groups of a fixed size become so many even ones.
  package var groups: Int?
  /// Publications of each client per second, on average; 0: nobody publishes.
  package var rate: Double?
  /// Of each event.
  package var size: Publishing.Size?
  /// The hold of the longest phase; faults keep their place in the course of the run.
  package var duration: Duration?
  /// The ramp of the first phase.
  package var ramp: Duration?
  /// Of all behaviours.
  package var path: String?
  /// Of all that publish.
  package var eventType: String?
  /// Of all clients.
  package var token: TokenSource?
  package var grace: Duration?
  package var loops: Int?
  package var reconnectDelay: DelayRange?
  /// The share of the clients (0…1) whose latencies count; 1: all.
  package var observers: Double?
  package var seed: UInt64?
  package var authorityFile: String?
  package var verifiesServers: Bool?

  package init() {}

  /// Changes what is set.
  ///
  /// - Throws: `SettingsError` for an option out of its range, or that changes nothing in this scenario. What it makes of the
  ///   scenario as a whole is judged by `validate()`.
  package func apply(to scenario: inout Scenario) throws(SettingsError) {
    if let targets { scenario.targets = targets }
    if let clients { try apply(clients: clients, to: &scenario) }
    if let groups { try apply(groups: groups, to: &scenario) }
    try applyToPublishing(&scenario)
    if let duration { try apply(duration: duration, to: &scenario) }
    if let ramp {
      try Self.check(ScenarioLimits.wait.contains(ramp), "--ramp", ramp.spelled, "from 0s to 1h")
      if !scenario.phases.isEmpty {
        // As much longer as the ramp.
        let longer = max(.zero, ramp - scenario.phases[0].ramp)
        scenario.phases[0].joinPatience = scenario.phases[0].joinPatience.map {
          min($0 + longer, ScenarioLimits.joinPatience.upperBound)
        }
        scenario.phases[0].ramp = ramp
      }
    }
    for index in scenario.behaviours.indices {
      if let path { scenario.behaviours[index].path = path }
      if let token { scenario.behaviours[index].token = token }
    }
    if let grace {
      try Self.check(ScenarioLimits.wait.contains(grace), "--grace", grace.spelled, "from 0s to 1h")
      scenario.grace = grace
    }
    if let loops {
      try Self.check(
        ScenarioLimits.loops.contains(loops), "--loops", "\(loops)",
        "from 0 (half of the cores) to 256")
      scenario.loops = loops
    }
    if let reconnectDelay {
      try Self.check(
        ScenarioLimits.wait.contains(reconnectDelay.highest), "--reconnect-delay",
        reconnectDelay.text, "\(DelayRange.form), at most 1h")
      scenario.reconnectDelay = reconnectDelay
    }
    if let observers {
      if observers == 1 {
        scenario.sampling = nil
      } else {
        scenario.sampling = scenario.sampling ?? Sampling(observers: observers)
        scenario.sampling?.observers = observers
      }
    }
    if let seed { scenario.seed = seed }
    if let authorityFile { scenario.security.authorityFile = authorityFile }
    if let verifiesServers { scenario.security.verifiesServers = verifiesServers }
  }

  private static func check(
    _ holds: Bool, _ option: String, _ value: String, _ allowed: String
  ) throws(SettingsError) {
    guard holds else { throw SettingsError(option: option, value: value, allowed: allowed) }
  }

  private func apply(clients: Int, to scenario: inout Scenario) throws(SettingsError) {
    let limit = ScenarioLimits.clients.upperBound
    try Self.check(
      (1...limit).contains(clients), "--clients", "\(clients)", "a whole number from 1 to \(limit)")
    guard let last = scenario.phases.compactMap(\.clients).last(where: { $0 > 0 }) else { return }
    for index in scenario.phases.indices {
      guard let before = scenario.phases[index].clients, before > 0 else { continue }
      let scaled = (Double(before) * Double(clients) / Double(last)).rounded()
      try Self.check(
        scaled <= Double(limit), "--clients", "\(clients)",
        "a number with which phase \"\(scenario.phases[index].name)\" has at most \(limit)")
      scenario.phases[index].clients = max(1, Int(scaled))
    }
  }

  private func apply(groups: Int, to scenario: inout Scenario) throws(SettingsError) {
    let limit = ScenarioLimits.groups.upperBound
    try Self.check(
      ScenarioLimits.groups.contains(groups), "--groups", "\(groups)",
      "a whole number from 1 to \(limit)")
    scenario.groups = scenario.groups.mapValues { spread in
      switch spread {
      case .even, .sized: .even(count: groups)
      case .uniform: .uniform(count: groups)
      case .zipf(_, let exponent): .zipf(count: groups, exponent: exponent)
      }
    }
  }

  private func applyToPublishing(_ scenario: inout Scenario) throws(SettingsError) {
    let publishers = scenario.behaviours.indices.filter {
      scenario.behaviours[$0].publishing != nil
    }
    let changes: [(option: String, value: String?)] = [
      ("--rate", rate.map(\.spelled)), ("--size", size.map(\.text)), ("--event-type", eventType),
    ]
    if publishers.isEmpty, let change = changes.first(where: { $0.value != nil }) {
      throw SettingsError(
        option: change.option, value: change.value ?? "",
        allowed: "nothing, since nobody publishes in this scenario")
    }
    if let rate {
      try Self.check(
        rate == 0 || ScenarioLimits.rate.contains(rate), "--rate", "\(rate)",
        "publications of each client per second, 0 or from 0.00001 to 10000")
    }
    for index in publishers {
      if let size { scenario.behaviours[index].publishing?.size = size }
      if let eventType { scenario.behaviours[index].publishing?.type = eventType }
      guard let rate else { continue }
      if rate == 0 {
        scenario.behaviours[index].publishing = nil
      } else if let gap = scenario.behaviours[index].publishing?.gap {
        scenario.behaviours[index].publishing?.gap = gap.scaled(toRate: rate)
      }
    }
  }

  private func apply(duration: Duration, to scenario: inout Scenario) throws(SettingsError) {
    let limit = ScenarioLimits.length.upperBound
    try Self.check(
      duration >= .milliseconds(1) && duration <= limit, "--duration", duration.spelled,
      "from 1ms to 168h")
    guard let longest = scenario.phases.map(\.hold).max(),
      let index = scenario.phases.firstIndex(where: { $0.hold == longest })
    else { return }
    let before = ScenarioLoad(scenario).shortestLength
    scenario.phases[index].hold = duration
    guard before > .zero else { return }
    let after = ScenarioLoad(scenario).shortestLength
    for fault in scenario.faults.indices {
      // One that is beyond the end stays there, and is refused with the scenario.
      let place = min(1, scenario.faults[fault].at / before)
      scenario.faults[fault].at = .nanoseconds(Int64(place * Double(after.nanoseconds)))
    }
  }
}

extension Publishing.Gap {
  /// Gaps of the same form with this many publications per second on average.
  func scaled(toRate rate: Double) -> Publishing.Gap {
    switch self {
    case .constant: .constant(.seconds(1 / rate))
    case .exponential: .exponential(mean: .seconds(1 / rate))
    case .uniform(let lowest, let highest):
      .uniform(
        .seconds(lowest / .seconds(1) * self.rate / rate),
        .seconds(highest / .seconds(1) * self.rate / rate))
    }
  }
}

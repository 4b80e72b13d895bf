/// What a scenario would do, in plain words: the output of `validate`.
package enum ScenarioExplanation {
  private static let labelWidth = 14

  /// - Parameter scenario: validated.
  package static func render(_ scenario: Scenario) -> String {
    let load = ScenarioLoad(scenario)
    var lines = [scenario.name + (scenario.summary.isEmpty ? "" : ": \(scenario.summary)"), ""]
    func section(_ label: String, _ texts: [String]) {
      for (index, text) in texts.enumerated() {
        lines.append(pad(index == 0 ? label : "", to: labelWidth) + text)
      }
    }
    section("targets", [targets(scenario)])
    section(
      "groups", scenario.groups.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.spelled)" })
    section("clients", scenario.behaviours.flatMap { behaviour($0, scenario, load) })
    section("phases", load.stretches.map { stretch($0, load) })
    section("faults", scenario.faults.map { "at \($0.at.spelled): \($0.action.spelled)" })
    section("publications", [publications(load)])
    if let sampling = scenario.sampling {
      section("latencies", [self.sampling(sampling)])
    }
    section("sockets", sockets(scenario, load))
    section("time", [time(scenario, load)])
    section(
      "thresholds", scenario.thresholds.isEmpty ? ["none"] : scenario.thresholds.map(\.text))
    return lines.joined(separator: "\n") + "\n"
  }

  private static func pad(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private static func targets(_ scenario: Scenario) -> String {
    let texts = scenario.targets.map(\.text).joined(separator: ", ")
    guard scenario.targets.count > 1 else { return texts }
    return texts + (scenario.targetChoice == .random ? ", at random" : ", by turns")
  }

  private static func behaviour(
    _ behaviour: Behaviour, _ scenario: Scenario, _ load: ScenarioLoad
  ) -> [String] {
    let total = scenario.behaviours.reduce(0) { $0 + $1.weight }
    let share = load.share(of: behaviour, in: load.mostClients)
    var first = "\(behaviour.name): \(behaviour.weight) of \(total)"
    first += " (at most \(share.spelled)), \(behaviour.transport.rawValue) to \(behaviour.path),"
    first += " in one of \(behaviour.group)"
    if behaviour.isCompressed { first += ", compressed" }
    var details: [String] = []
    if let publishing = behaviour.publishing {
      let what = scenario.adapter == nil ? publishing.type : "messages"
      let kind = publishing.isEphemeral ? ", owed to nobody" : ""
      details.append(
        "  publishes \(what) of \(publishing.size.text) bytes \(publishing.gap.spelled)\(kind)")
    } else {
      details.append("  listens")
    }
    if behaviour.watchesPresence { details.append("  watches who comes") }
    if let stay = behaviour.stay {
      details.append("  stays for \(stay.text), is away for \(behaviour.away.text)")
    }
    return [first] + details
  }

  private static func stretch(_ stretch: ScenarioLoad.Stretch, _ load: ScenarioLoad) -> String {
    let phase = stretch.phase
    let (before, after) = (stretch.clientsBefore, stretch.clientsAfter)
    var text = pad("from \(stretch.begin.spelled)", to: 12) + "\(phase.name): "
    text += before == after ? "\(after) clients" : "\(before) → \(after) clients"
    if before != after {
      text += phase.ramp == .zero ? " at once" : " over \(phase.ramp.spelled)"
    }
    if phase.hold > .zero {
      text += before == after ? " for \(phase.hold.spelled)" : ", then \(phase.hold.spelled)"
    }
    if stretch.publicationsPerSecond > 0 {
      text += ", \(stretch.publicationsPerSecond.spelled) publications/s,"
      text += " about \(stretch.deliveriesPerSecond.spelled) deliveries/s"
    } else if phase.pace == 0 || !load.hasPublishers {
      text += ", nobody publishes"
    }
    if let patience = phase.joinPatience {
      text += "; waits up to \(patience.spelled) until all have joined"
    }
    return text
  }

  private static func publications(_ load: ScenarioLoad) -> String {
    let stretches = load.stretches
    let most = stretches.map(\.publicationsPerSecond).max() ?? 0
    guard most > 0 else { return "none" }
    // Over a ramp the rate changes evenly from that of the clients before.
    let sum = stretches.reduce(0.0) { sum, stretch in
      let after = Double(stretch.clientsAfter)
      let before =
        after > 0
        ? stretch.publicationsPerSecond * Double(stretch.clientsBefore) / after
        : load.publicationsPerSecond(stretch.clientsBefore, pace: stretch.phase.pace)
      let ramp = (before + stretch.publicationsPerSecond) / 2 * (stretch.phase.ramp / .seconds(1))
      return sum + ramp + stretch.publicationsPerSecond * (stretch.phase.hold / .seconds(1))
    }
    return "at most \(most.spelled) per second, about \(sum.rounded().spelled) in all"
  }

  private static func sampling(_ sampling: Sampling) -> String {
    "of \((sampling.observers * 100).spelled)% of the clients; each of the others reads every"
      + " \(sampling.readEvery.spelled)"
  }

  private static func sockets(_ scenario: Scenario, _ load: ScenarioLoad) -> [String] {
    let sockets = load.sockets(load.mostClients)
    var lines = [
      "\(sockets) at a time; `ulimit -n` has to allow as many files, and \(SocketPreflight.reservedDescriptors) more"
    ]
    let places = max(1, scenario.targets.count) * max(1, scenario.localAddresses.count)
    let each = (sockets + places - 1) / places
    if each > ScenarioLimits.portsPerTarget {
      lines.append(
        "that is \(each) from one address to one target, of which there are ports for about"
          + " \(ScenarioLimits.portsPerTarget): add local_addresses or targets")
    } else if each > ScenarioLimits.easyPortsPerTarget {
      lines.append(
        "that is \(each) from one address to one target: from \(ScenarioLimits.easyPortsPerTarget) on the"
          + " system looks long for a free port; with more local_addresses clients connect sooner")
    }
    return lines
  }

  private static func time(_ scenario: Scenario, _ load: ScenarioLoad) -> String {
    let (shortest, longest) = (load.shortestLength, load.longestLength)
    let length =
      shortest == longest
      ? shortest.spelled : "\(shortest.spelled), at most \(longest.spelled) if clients join slowly"
    return "\(length); then up to \(scenario.grace.spelled) for stragglers"
  }
}

extension GroupSpread {
  fileprivate var spelled: String {
    switch self {
    case .even(let count): "\(count), filled evenly"
    case .sized(let size): "as many as it takes for \(size) members each"
    case .uniform(let count): "\(count), drawn at random"
    case .zipf(let count, let exponent):
      "\(count), drawn by Zipf's law with exponent \(exponent.spelled)"
    }
  }
}

extension Publishing.Gap {
  fileprivate var spelled: String {
    switch self {
    case .constant(let gap): "every \(gap.spelled)"
    case .uniform(let lowest, let highest): "every \(lowest.spelled) to \(highest.spelled)"
    case .exponential(let mean): "every \(mean.spelled) on average, at random"
    }
  }
}

extension Fault.Action {
  fileprivate var spelled: String {
    switch self {
    case .drop(let share): "cuts \((share * 100).spelled)% of the connections"
    case .stall(let share, let length):
      "\((share * 100).spelled)% of the clients do not read for \(length.spelled)"
    case .run(let command): "runs \(command)"
    }
  }
}

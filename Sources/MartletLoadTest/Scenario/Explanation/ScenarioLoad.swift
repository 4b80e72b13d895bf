internal import Foundation

/// What a scenario amounts to, in numbers that follow from it alone.
package struct ScenarioLoad: Sendable {
  /// One phase, with the clients at its ends.
  package struct Stretch: Sendable, Equatable {
    package var phase: Phase
    /// Since the run began, if no earlier phase waited for joins.
    package var begin: Duration
    package var clientsBefore: Int
    package var clientsAfter: Int
    /// Of all clients together, after the ramp.
    package var publicationsPerSecond: Double
    /// (member, publication) pairs; an estimate where groups are drawn.
    package var deliveriesPerSecond: Double
  }

  private let scenario: Scenario
  private let totalWeight: Double

  package init(_ scenario: Scenario) {
    self.scenario = scenario
    totalWeight = Double(max(1, scenario.behaviours.reduce(0) { $0 + max(0, $1.weight) }))
  }

  // MARK: Time

  /// Of all phases, if none waits for joins beyond its ramp and hold.
  package var shortestLength: Duration {
    scenario.phases.reduce(.zero) { $0 + $1.ramp + $1.hold }
  }

  /// Of all phases, if each waits for its joins as long as it may.
  package var longestLength: Duration { scenario.phases.reduce(.zero) { $0 + $1.longestLength } }

  // MARK: Clients

  /// The most that are there at a time.
  package var mostClients: Int { scenario.phases.compactMap(\.clients).max() ?? 0 }

  /// How many there will have been; those that leave for good do not return.
  package var clientsEver: Int {
    var ever = 0
    var now = 0
    for clients in scenario.phases.compactMap(\.clients) {
      ever += max(0, clients - now)
      now = clients
    }
    return ever
  }

  /// Of `clients`, those with this behaviour.
  package func share(of behaviour: Behaviour, in clients: Int) -> Double {
    Double(clients) * Double(behaviour.weight) / totalWeight
  }

  package var stretches: [Stretch] {
    var begin = Duration.zero
    var clients = 0
    return scenario.phases.map { phase in
      defer {
        begin += phase.ramp + phase.hold
        clients = phase.clients ?? clients
      }
      let after = phase.clients ?? clients
      return Stretch(
        phase: phase, begin: begin, clientsBefore: clients, clientsAfter: after,
        publicationsPerSecond: publicationsPerSecond(after, pace: phase.pace),
        deliveriesPerSecond: deliveriesPerSecond(after, pace: phase.pace))
    }
  }

  /// Sockets of `clients` clients at a time: several WebSockets share one with HTTP/2, publications of streams and polls need a further one.
  package func sockets(_ clients: Int) -> Int {
    let sockets = scenario.behaviours.reduce(0.0) { sum, behaviour in
      let count = share(of: behaviour, in: clients)
      let transport = behaviour.transport
      let own =
        transport.sharesConnections
        ? (count / Double(behaviour.streamsPerConnection)).rounded(.up) : count
      let isWebSocket = transport == .webSocket || transport == .webSocketOverHTTP2
      return sum + own + (isWebSocket || behaviour.publishing == nil ? 0 : count)
    }
    return Int(sockets.rounded(.up))
  }

  // MARK: Publications

  /// Of one client of this behaviour while it is there, at pace 1.
  private func rate(_ behaviour: Behaviour) -> Double { behaviour.publishing?.gap.rate ?? 0 }

  func publicationsPerSecond(_ clients: Int, pace: Double) -> Double {
    scenario.behaviours.reduce(0) {
      $0 + share(of: $1, in: clients) * $1.presentShare * rate($1) * pace
    }
  }

  private func deliveriesPerSecond(_ clients: Int, pace: Double) -> Double {
    scenario.groups.reduce(0) { sum, entry in
      let users = scenario.behaviours.filter { $0.group == entry.key }
      let members = users.reduce(0) { $0 + share(of: $1, in: clients) }
      let present = users.reduce(0) { $0 + share(of: $1, in: clients) * $1.presentShare }
      let rate = users.reduce(0) {
        $0 + share(of: $1, in: clients) * $1.presentShare * self.rate($1) * pace
      }
      guard members > 0 else { return sum }
      let companions = entry.value.companions(of: members) * present / members
      switch scenario.adapter?.audience {
      case nil, .group: return sum + rate * (1 + companions)
      case .others: return sum + rate * companions
      case .publisher: return sum + rate
      }
    }
  }

  /// Whether any behaviour publishes.
  package var hasPublishers: Bool { scenario.behaviours.contains { $0.publishing != nil } }

  /// Whether anybody publishes at any time.
  package var publishes: Bool {
    hasPublishers
      && stretches.contains {
        $0.phase.pace > 0 && $0.phase.longestLength > .zero
          && max($0.clientsBefore, $0.clientsAfter) > 0
      }
  }

  /// An upper bound of what becomes due for one client.
  package func publications(_ publishing: Publishing) -> Double {
    let work = scenario.phases.reduce(0) { $0 + $1.pace * ($1.longestLength / .seconds(1)) }
    return switch publishing.gap {
    case .constant(let gap), .uniform(let gap, _): work / (gap / .seconds(1)) + 1
    // Ten standard deviations above the mean.
    case .exponential:
      work * publishing.gap.rate + 10 * (work * publishing.gap.rate).squareRoot() + 10
    }
  }
}

extension Phase {
  package var longestLength: Duration { max(ramp + hold, joinPatience ?? .zero) }
}

extension Behaviour {
  /// The part of its time for which a client is connected.
  package var presentShare: Double {
    guard let stay else { return 1 }
    let there = (stay.lowest + stay.highest) / .seconds(1)
    let gone = (away.lowest + away.highest) / .seconds(1)
    return there + gone > 0 ? there / (there + gone) : 1
  }
}

extension Publishing.Gap {
  /// Publications per second.
  package var rate: Double {
    switch self {
    case .constant(let gap), .exponential(let gap): 1 / (gap / .seconds(1))
    case .uniform(let lowest, let highest): 2 / ((lowest + highest) / .seconds(1))
    }
  }
}

extension GroupSpread {
  /// How many groups `clients` clients make.
  package func count(for clients: Int) -> Int {
    switch self {
    case .even(let count), .uniform(let count), .zipf(let count, _): count
    case .sized(let size): max(1, (clients + size - 1) / size)
    }
  }

  /// How many of the other `members - 1` one expects in the group of a member.
  package func companions(of members: Double) -> Double {
    let others = max(0, members - 1)
    switch self {
    case .even(let count): return max(0, members / Double(count) - 1)
    case .sized(let size): return min(others, Double(size - 1))
    case .uniform(let count): return others / Double(count)
    case .zipf(let count, let exponent):
      let weights = (1...count).map { pow(Double($0), -exponent) }
      let total = weights.reduce(0, +)
      return others * weights.reduce(0) { $0 + ($1 / total) * ($1 / total) }
    }
  }
}

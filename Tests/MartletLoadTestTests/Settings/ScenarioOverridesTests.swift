import Testing

@testable import MartletLoadTest

@Suite struct ScenarioOverridesTests {
  private func changed(
    _ yaml: String = Fixtures.yaml(), _ change: (inout ScenarioOverrides) -> Void
  ) throws -> Scenario {
    var scenario = try Fixtures.scenario(yaml)
    var overrides = ScenarioOverrides()
    change(&overrides)
    try overrides.apply(to: &scenario)
    return scenario
  }

  private func refused(
    _ option: String, _ yaml: String = Fixtures.yaml(), _ change: (inout ScenarioOverrides) -> Void
  ) {
    let error = #expect(throws: SettingsError.self) { try changed(yaml, change) }
    #expect(error?.option == option)
    #expect(error?.allowed.isEmpty == false)
  }

  @Test func `Nothing set changes nothing`() throws {
    #expect(try changed { _ in } == Fixtures.scenario())
  }

  @Test func `Clients are those of the last phase, and others change in proportion`() throws {
    let yaml = Fixtures.yaml([
      "phases":
        "[{name: a, clients: 100, hold: 1s}, {name: b, clients: 1000, hold: 1s}, {name: c, clients: 200, hold: 1s}, {name: d, clients: 0}]"
    ])
    #expect(try changed(yaml) { $0.clients = 20 }.phases.map(\.clients) == [10, 100, 20, 0])
    #expect(try changed(yaml) { $0.clients = 1 }.phases.map(\.clients) == [1, 5, 1, 0])
    refused("--clients", yaml) { $0.clients = 0 }
    refused("--clients", yaml) { $0.clients = 1_000_000 }
  }

  @Test func `The duration is the hold of the longest phase`() throws {
    let yaml = Fixtures.yaml([
      "phases":
        "[{name: a, clients: 1, hold: 5s}, {name: b, hold: 9s}, {name: c, hold: 9s}]"
    ])
    let holds = try changed(yaml) { $0.duration = .seconds(60) }.phases.map(\.hold)
    #expect(holds == [.seconds(5), .seconds(60), .seconds(9)])
    refused("--duration") { $0.duration = .zero }
  }

  @Test func `With another duration faults keep their place in the course of the run`() throws {
    let yaml = Fixtures.yaml([
      "phases": "[{name: a, clients: 1, ramp: 10s}, {name: b, hold: 90s}]",
      "faults": "[{at: 50s, drop: 10%}, {at: 90s, drop: 10%}]",
    ])
    let faults = try changed(yaml) { $0.duration = .seconds(10) }.faults
    #expect(faults.map(\.at) == [.seconds(10), .seconds(18)])
    for name in BuiltInScenario.allCases {
      let file = try name.file()
      var scenario = file.scenario
      var overrides = ScenarioOverrides()
      overrides.duration = .seconds(3)
      try overrides.apply(to: &scenario)
      try file.check(scenario)
    }
  }

  @Test func `A longer ramp leaves as much time for joins behind it`() throws {
    let yaml = Fixtures.yaml([
      "phases": "[{name: a, clients: 1, ramp: 5s, wait_for_joins: 35s}, {name: b, hold: 9s}]"
    ])
    let phase = try changed(yaml) { $0.ramp = .seconds(60) }.phases[0]
    #expect(phase.ramp == .seconds(60) && phase.joinPatience == .seconds(90))
    #expect(try changed { $0.ramp = .seconds(60) }.phases[0].joinPatience == nil)
  }

  @Test func `A rate keeps the form of the gaps`() throws {
    let yaml = Fixtures.yaml([
      "behaviours": """

        - {name: a, path: "/{group}", publish: {rate: 5}}
        - {name: b, path: "/{group}", publish: {every: 1s-3s}}
        - {name: c, path: "/{group}", publish: {every: {exponential: 7s}}}
        - {name: d, path: "/{group}"}
      """
    ])
    let gaps = try changed(yaml) { $0.rate = 4 }.behaviours.map { $0.publishing?.gap }
    #expect(
      gaps == [
        .constant(.milliseconds(250)), .uniform(.milliseconds(125), .milliseconds(375)),
        .exponential(mean: .milliseconds(250)), nil,
      ])
    let none = try changed(yaml) { $0.rate = 0 }
    #expect(none.behaviours.allSatisfy { $0.publishing == nil })
    refused("--rate", yaml) { $0.rate = -1 }
    refused("--rate", yaml) { $0.rate = .nan }
  }

  @Test func `What only publishers have is refused where nobody publishes`() {
    let yaml = Fixtures.yaml(["behaviours": "[{name: a, path: '/{group}'}]"])
    refused("--rate", yaml) { $0.rate = 1 }
    refused("--size", yaml) { $0.size = .constant(500) }
    refused("--event-type", yaml) { $0.eventType = "a" }
  }

  @Test func `Everything else is replaced`() throws {
    let scenario = try changed {
      $0.targets = [Target(host: "b", port: 2)]
      $0.groups = 7
      $0.size = .constant(500)
      $0.ramp = .seconds(3)
      $0.path = "/p/{group}"
      $0.eventType = "e"
      $0.token = .fixed("t")
      $0.grace = .seconds(4)
      $0.loops = 5
      $0.reconnectDelay = DelayRange(lowest: .seconds(6), highest: .seconds(7))
      $0.seed = 8
      $0.authorityFile = "ca"
      $0.verifiesServers = false
    }
    #expect(scenario.targets == [Target(host: "b", port: 2)])
    #expect(scenario.groups == ["rooms": .even(count: 7)])
    #expect(scenario.behaviours[0].publishing?.size == .constant(500))
    #expect(scenario.behaviours[0].publishing?.type == "e")
    #expect(
      scenario.behaviours[0].path == "/p/{group}" && scenario.behaviours[0].token == .fixed("t"))
    #expect(scenario.phases[0].ramp == .seconds(3) && scenario.grace == .seconds(4))
    #expect(scenario.loops == 5 && scenario.reconnectDelay.highest == .seconds(7))
    #expect(scenario.seed == 8)
    #expect(scenario.security == .init(authorityFile: "ca", verifiesServers: false))
    refused("--groups") { $0.groups = 0 }
    refused("--ramp") { $0.ramp = .seconds(7_200) }
    refused("--grace") { $0.grace = .seconds(7_200) }
    refused("--loops") { $0.loops = 257 }
    refused("--reconnect-delay") {
      $0.reconnectDelay = DelayRange(lowest: .zero, highest: .seconds(7_200))
    }
  }

  @Test func `Groups keep the way in which they are drawn`() throws {
    let groups = [
      "{count: 2, spread: zipf, exponent: 2}": GroupSpread.zipf(count: 9, exponent: 2),
      "{count: 2, spread: uniform}": .uniform(count: 9), "{size: 3}": .even(count: 9),
    ]
    for (text, spread) in groups {
      let yaml = Fixtures.yaml(["groups": "{rooms: \(text)}"])
      #expect(try changed(yaml) { $0.groups = 9 }.groups == ["rooms": spread])
    }
  }
}

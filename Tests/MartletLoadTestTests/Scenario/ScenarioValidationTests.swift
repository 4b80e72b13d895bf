import Testing

@testable import MartletLoadTest

@Suite struct ScenarioValidationTests {
  private func refused(
    _ key: String, _ problem: String, _ change: (inout Scenario) throws -> Void
  ) throws {
    var scenario = try Fixtures.scenario()
    try change(&scenario)
    let error = #expect(throws: ScenarioError.self) { try scenario.validate() }
    #expect(error?.key == key)
    #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
  }

  private func accepted(_ change: (inout Scenario) throws -> Void) throws {
    var scenario = try Fixtures.scenario()
    try change(&scenario)
    #expect(throws: Never.self) { try scenario.validate() }
  }

  @Test func `A scenario has targets, groups, behaviours and phases`() throws {
    try refused("targets", "is missing") { $0.targets = [] }
    try refused("groups", "is missing") { $0.groups = [:] }
    try refused("behaviours", "is missing") { $0.behaviours = [] }
    try refused("phases", "is missing") { $0.phases = [] }
  }

  @Test func `Phases have clients and take time`() throws {
    try refused("phases[0].clients", "the first phase") { $0.phases[0].clients = nil }
    try refused("phases[1].name", "earlier phase") { $0.phases[1].name = "join" }
    try refused("phases[1].ramp", "needs clients") { $0.phases[1].ramp = .seconds(1) }
    try refused("phases", "have no clients") { $0.phases[0].clients = 0 }
    try refused("phases", "take no time") {
      $0.phases[0].ramp = .zero
      $0.phases[1].hold = .zero
      $0.behaviours[0].publishing = nil
    }
    try refused("phases", "allowed is at most 7d") { $0.phases[1].hold = .seconds(7 * 86_400) }
    try refused("phases", "one after the other") { scenario in
      for (index, clients) in [1_000_000, 0, 1_000_000].enumerated() {
        var phase = Phase(name: "\(index)")
        phase.clients = clients
        scenario.phases.append(phase)
      }
    }
  }

  @Test func `A behaviour's group is one of the groups, and each group has a behaviour`() throws {
    try refused("behaviours[0].group", "there are rooms") { $0.behaviours[0].group = "room" }
    try refused("groups.spare", "is the group of no behaviour") { $0.groups["spare"] = .sized(1) }
  }

  @Test func `Clients of several groups have to say which`() throws {
    try refused("behaviours[0].path", "all 2 groups") { $0.behaviours[0].path = "/all/" }
    try refused("behaviours[0].path", "all 4 groups") {
      $0.behaviours[0].path = "/all/"
      $0.groups["rooms"] = .sized(3)
    }
    try accepted {
      $0.behaviours[0].path = "/all/"
      $0.groups["rooms"] = .sized(10)
    }
    try accepted {
      $0.behaviours[0].path = "/mine/"
      $0.behaviours[0].token = .signed(
        algorithm: .hs256, secret: "", claims: #"{"sub":"{group}"}"#, lifetime: .seconds(1))
    }
    try accepted {
      $0.behaviours[0].path = "/ws"
      $0.adapter = ProtocolAdapter(publish: "{mark}")
      $0.adapter?.join = "join {group}"
    }
  }

  @Test func `A path is visible ASCII with known names`() throws {
    try refused("behaviours[0].path", "begins with /") { $0.behaviours[0].path = "ws/{group}" }
    try refused("behaviours[0].path", "begins with /") { $0.behaviours[0].path = "/a b/{group}" }
    try refused("behaviours[0].path", "{room} is unknown") {
      $0.behaviours[0].path = "/{group}/{room}"
    }
  }

  @Test func `Behaviours of one group have one path, and those of several have several`() throws {
    var other = Behaviour(name: "other", group: "rooms")
    other.path = "/ws/{group}/?name={client}"
    try accepted { $0.behaviours.append(other) }
    other.path = "/other/{group}/"
    try refused("behaviours[1].path", "another one than that of \"talker\"") {
      $0.behaviours.append(other)
    }
    other.path = "/ws/{group}/"
    other.group = "boards"
    try refused("behaviours[1].group", "another group than that of \"talker\"") {
      $0.groups["boards"] = .even(count: 3)
      $0.behaviours.append(other)
    }
    other.group = "rooms"
    other.name = "talker"
    try refused("behaviours[1].name", "earlier behaviour") { $0.behaviours.append(other) }
  }

  @Test func `Compression and adapters are for WebSockets`() throws {
    try refused("behaviours[0].compression", "RFC 7692") {
      $0.behaviours[0].isCompressed = true
      $0.behaviours[0].transport = .eventStream
    }
    try refused("behaviours[0].transport", "Martlet's own") {
      $0.behaviours[0].transport = .poll
      $0.adapter = ProtocolAdapter(publish: "{mark}")
    }
    try refused("behaviours[0].watch_presence", "user_joined") {
      $0.behaviours[0].watchesPresence = true
      $0.adapter = ProtocolAdapter(publish: "{mark}")
    }
  }

  @Test func `Who watches presence needs others who say when they came`() throws {
    try refused("behaviours[0].watch_presence", "{started}") {
      $0.behaviours[0].watchesPresence = true
    }
    try accepted {
      $0.behaviours[0].watchesPresence = true
      $0.behaviours[0].path += "?name={started}"
    }
  }

  @Test func `Rates are within reach at the highest pace`() throws {
    try refused("behaviours[0].publish", "20000 publications") {
      $0.behaviours[0].publishing?.gap = .constant(.microseconds(100))
      $0.phases[1].pace = 2
    }
    try refused("behaviours[0].publish", "at most 1000000000") {
      $0.behaviours[0].publishing?.gap = .constant(.microseconds(100))
      $0.phases[1].hold = .seconds(6 * 86_400)
    }
    try refused("behaviours[0].publish.type", "1 to 64") {
      $0.behaviours[0].publishing?.type = "a b"
    }
  }

  @Test func `A size that is too small for the fields names the smallest`() throws {
    var scenario = try Fixtures.scenario()
    scenario.behaviours[0].publishing?.size = .uniform(60, 200)
    let error = #expect(throws: ScenarioError.self) { try scenario.validate() }
    #expect(error?.key == "behaviours[0].publish.size")
    let words = error?.problem.split(separator: " ") ?? []
    let from = try #require(words.firstIndex(of: "from"))
    let smallest = try #require(Int(words[from + 1].dropLast()))
    scenario.behaviours[0].publishing?.size = .constant(smallest)
    try scenario.validate()
    scenario.behaviours[0].publishing?.size = .constant(smallest - 1)
    #expect(throws: ScenarioError.self) { try scenario.validate() }
    scenario.behaviours[0].publishing?.size = .constant(smallest)
    scenario.behaviours[0].publishing?.fields = #""a":1"#
    #expect(throws: ScenarioError.self) { try scenario.validate() }
    scenario.behaviours[0].publishing?.size = .constant(smallest + 6)
    try scenario.validate()
  }

  @Test func `Faults happen before the end`() throws {
    try accepted { $0.faults = [Fault(at: .milliseconds(10_999), action: .drop(share: 1))] }
    try refused("faults[0].at", "lasts 11s") {
      $0.faults = [Fault(at: .seconds(11), action: .drop(share: 1))]
    }
    // Whoever joins in time would not live to see it.
    try refused("faults[0].at", "longer phases (--duration)") {
      $0.phases[0].joinPatience = .seconds(50)
      $0.faults = [Fault(at: .seconds(11), action: .drop(share: 1))]
    }
  }

  @Test func `Who waits for stragglers waits for those who read now and then`() throws {
    try refused("grace", "twice sampling.read_every, 1s") {
      $0.sampling = Sampling(observers: 0.1, readEvery: .milliseconds(500))
      $0.grace = .milliseconds(999)
    }
    try accepted {
      $0.sampling = Sampling(observers: 0.1, readEvery: .milliseconds(500))
      $0.grace = .seconds(1)
    }
  }

  @Test func `Settings of TLS need a target with TLS`() throws {
    try refused("tls", "is for wss:// targets") { $0.security.verifiesServers = false }
    try accepted {
      $0.security.verifiesServers = false
      $0.targets.append(Target(host: "a", port: 1, isSecure: true))
    }
  }

  @Test func `Thresholds are about what is measured`() throws {
    func refused(
      _ text: String, _ problem: String, _ change: (inout Scenario) -> Void = { _ in }
    ) throws {
      try self.refused("thresholds[0]", problem) {
        $0.thresholds = [try Threshold(text)]
        change(&$0)
      }
    }
    try refused("deliver.p99 < 1s", "nobody publishes") { $0.behaviours[0].publishing = nil }
    try refused("deliver.p99 < 1s", "nobody publishes") { $0.phases[1].pace = 0 }
    try refused("acknowledge.p99 < 1s", "nobody publishes") {
      $0.behaviours[0].publishing?.isEphemeral = true
    }
    try refused("acknowledge.p99 < 1s", "the adapter has none") {
      $0.adapter = ProtocolAdapter(publish: "{mark}")
    }
    try refused("recover.p99 < 1s", "no fault")
    try refused("presence.p99 < 1s", "watch_presence")
    try accepted {
      $0.thresholds = try ["deliver", "acknowledge", "connect", "join", "recover", "presence"]
        .map { try Threshold("\($0).p99 < 1s") }
      $0.behaviours[0].watchesPresence = true
      $0.behaviours[0].path += "?name={started}"
      $0.behaviours[0].stay = DelayRange(lowest: .seconds(1), highest: .seconds(1))
    }
  }
}

import MartletTestSupport
import Testing

@testable import MartletLoadTest

@Suite struct PlanTests {
  private func scenario(
    _ phases: [Phase], groups: [String: GroupSpread] = ["rooms": .even(count: 2)],
    behaviours: [Behaviour] = [Behaviour(name: "client", group: "rooms")]
  ) -> Scenario {
    Scenario(
      name: "test", targets: [Target(host: "a", port: 1), Target(host: "b", port: 1)],
      groups: groups, behaviours: behaviours, phases: phases)
  }

  private func phase(_ clients: Int?, ramp: Duration = .zero) -> Phase {
    var phase = Phase(name: "p")
    phase.clients = clients
    phase.ramp = ramp
    return phase
  }

  private func behaviour(_ name: String, _ weight: Int, publishes: Bool = true) -> Behaviour {
    var behaviour = Behaviour(name: name, group: "rooms")
    behaviour.weight = weight
    if publishes { behaviour.publishing = Publishing(gap: .constant(.seconds(1))) }
    return behaviour
  }

  @Test func `Ramps up bring new numbers, ramps down send the newest away`() {
    let plan = Plan(scenario([phase(4), phase(nil), phase(2), phase(5), phase(0)]))
    #expect(plan.turnouts.map(\.arrivals) == [0..<4, 4..<4, 4..<4, 4..<7, 7..<7])
    #expect(plan.turnouts.map(\.departures) == [[], [], [3, 2], [], [6, 5, 4, 1, 0]])
    #expect(plan.turnouts.map(\.clients) == [4, 4, 2, 5, 0])
    #expect(plan.clients.count == 7)
  }

  @Test func `Arrivals divide a ramp evenly`() {
    let plan = Plan(scenario([phase(4, ramp: .seconds(2))]))
    let moments = (0..<4).map { plan.moment(of: $0, among: 4, in: plan.scenario.phases[0]) }
    #expect(moments == [0, 500_000_000, 1_000_000_000, 1_500_000_000])
  }

  @Test func `Every group has behaviours in proportion to their weights, at any time`() {
    let behaviours = [behaviour("a", 5), behaviour("b", 3), behaviour("c", 2)]
    for spread in [GroupSpread.even(count: 10), .sized(20), .uniform(count: 7)] {
      let plan = Plan(
        scenario([phase(1_000)], groups: ["rooms": spread], behaviours: behaviours))
      for members in plan.members {
        for count in [10, 17, members.count] {
          let some = members.prefix(count)
          for (index, share) in [0.5, 0.3, 0.2].enumerated() {
            let have = some.count { plan.clients[$0].behaviour == index }
            #expect(abs(Double(have) - Double(some.count) * share) <= 1.5)
          }
        }
      }
    }
  }

  @Test func `Behaviours with groups of their own have clients in proportion to their weights`() {
    var other = behaviour("b", 1)
    other.group = "halls"
    let plan = Plan(
      scenario(
        [phase(400)], groups: ["rooms": .even(count: 2), "halls": .even(count: 5)],
        behaviours: [behaviour("a", 3), other]))
    #expect(plan.clients.count { $0.behaviour == 0 } == 300)
    // Names in their order: halls have groups 0 to 4.
    #expect(plan.members.map(\.count) == [20, 20, 20, 20, 20, 150, 150])
    #expect(plan.clients.allSatisfy { ($0.group < 5) == ($0.behaviour == 1) })
  }

  @Test func `A share of each behaviour's clients are observers, its first one in any case`() {
    var scenario = scenario(
      [phase(10_000)], behaviours: [behaviour("many", 999), behaviour("few", 1, publishes: false)])
    #expect(Plan(scenario).clients.indices.allSatisfy(Plan(scenario).isObserver))
    scenario.sampling = Sampling(observers: 0.05)
    let plan = Plan(scenario)
    let observers = plan.clients.indices.filter(plan.isObserver)
    #expect((498...502).contains(observers.count) && observers.first == 0)
    #expect(observers.contains { plan.clients[$0].behaviour == 1 })
    // Not at the same place of each stretch.
    #expect(Set(zip(observers, observers.dropFirst()).map { $1 - $0 }).count > 10)
    // Not all in the same groups.
    #expect(Set(observers.map { plan.clients[$0].group }) == [0, 1])
    scenario.sampling = Sampling(observers: 0.000_001)
    let rare = Plan(scenario)
    #expect(
      rare.clients.indices.filter(rare.isObserver).map { rare.clients[$0].behaviour } == [0, 1])
  }

  @Test func `Who publishes is not all on one target`() {
    let plan = Plan(
      scenario(
        [phase(1_000)], groups: ["rooms": .even(count: 10)],
        behaviours: [behaviour("speaker", 1), behaviour("listener", 9, publishes: false)]))
    #expect(plan.publishers.allSatisfy { $0.count == 10 })
    let targets = plan.publishers.joined().map { plan.target(of: $0) }
    #expect(targets.count { $0 == 0 } > 20 && targets.count { $0 == 1 } > 20)
  }

  @Test func `Groups are dealt as their spread says`() {
    func sizes(_ spread: GroupSpread, clients: Int) -> [Int] {
      Plan(scenario([phase(clients)], groups: ["rooms": spread])).members.map(\.count)
    }
    #expect(sizes(.even(count: 3), clients: 8) == [3, 3, 2])
    #expect(sizes(.sized(10), clients: 25) == [9, 8, 8])
    let uniform = sizes(.uniform(count: 10), clients: 10_000)
    #expect(uniform.count == 10 && uniform.allSatisfy { (800...1_200).contains($0) })
    let zipf = sizes(.zipf(count: 100, exponent: 1), clients: 100_000)
    // The harmonic number H(100) is 5.187.
    #expect(abs(Double(zipf[0]) / 100_000 - 1 / 5.187) < 0.01)
    #expect(abs(Double(zipf[0]) / Double(zipf[9]) - 10) < 1.5)
  }

  @Test func `Members and publishers are numbered within their group`() {
    let plan = Plan(
      scenario(
        [phase(8)], behaviours: [behaviour("a", 1), behaviour("b", 1, publishes: false)]))
    for (number, client) in plan.clients.enumerated() {
      #expect(plan.members[client.group][client.member] == number)
      if let publisher = client.publisher {
        #expect(plan.publishers[client.group][publisher] == number)
      } else {
        #expect(plan.behaviour(of: number).name == "b")
      }
    }
    #expect(plan.publishers.joined().count == 4)
  }

  @Test func `The members of every group lie across all targets`() {
    let plan = Plan(scenario([phase(8)], groups: ["rooms": .even(count: 2)]))
    for members in plan.members {
      let targets = members.map { plan.target(of: $0) }
      #expect(targets.count { $0 == 0 } == 2 && targets.count { $0 == 1 } == 2)
    }
  }

  @Test func `The same seed makes the same plan, another seed another one`() {
    var scenario = scenario([phase(200)], groups: ["rooms": .uniform(count: 20)])
    let plan = Plan(scenario)
    #expect(Plan(scenario).clients == plan.clients)
    scenario.seed = 2
    #expect(Plan(scenario).clients != plan.clients)
  }
}

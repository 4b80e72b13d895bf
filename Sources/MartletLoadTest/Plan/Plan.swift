/// Who there is in a run: a function of the scenario.
///
/// An object, since every client and every delivery refers to it.
final class Plan: Sendable {
  /// One client, named by its number.
  struct Client: Sendable, Equatable {
    /// Index in the scenario's behaviours.
    var behaviour: Int
    /// Index of its group over all spreads.
    var group: Int
    /// As a path says it: counted within the group's spread.
    var groupNumber: Int
    /// Among the group's members, in the order of their numbers.
    var member: Int
    /// Among those of the group whose publications are owed to members; nil: it has none.
    var publisher: Int?
  }

  /// What a phase does to the number of clients.
  struct Turnout: Sendable, Equatable {
    /// In the order in which they come.
    var arrivals: Range<Int>
    /// In the order in which they go: who came last goes first.
    var departures: [Int]
    /// Who is there at the end.
    var clients: Int
  }

  let scenario: Scenario
  let random: SeededRandom
  /// By number.
  let clients: [Client]
  /// By number; empty: all are.
  private let observers: [Bool]
  /// One for each phase.
  let turnouts: [Turnout]
  /// Members by number, for each group.
  let members: [[Int]]
  /// Those with owed publications, for each group.
  let publishers: [[Int]]

  init(_ scenario: Scenario) {
    self.scenario = scenario
    random = SeededRandom(seed: scenario.seed)
    turnouts = Self.turnouts(scenario.phases)
    let count = turnouts.map(\.arrivals.upperBound).max() ?? 0
    var deal = GroupDeal(scenario, clients: count, random: random)
    var clients: [Client] = []
    clients.reserveCapacity(count)
    for number in 0..<count {
      clients.append(deal.next(number))
    }
    self.clients = clients
    observers = Self.observers(clients, scenario, random)
    members = deal.members
    publishers = deal.publishers
  }

  private static func turnouts(_ phases: [Phase]) -> [Turnout] {
    var present: [Int] = []
    var created = 0
    return phases.map { phase in
      let wanted = phase.clients ?? present.count
      let arrivals = created..<(created + max(0, wanted - present.count))
      created = arrivals.upperBound
      present += arrivals
      let departures = Array(present.suffix(max(0, present.count - wanted)).reversed())
      present.removeLast(departures.count)
      return Turnout(arrivals: arrivals, departures: departures, clients: present.count)
    }
  }

  func behaviour(of client: Int) -> Behaviour { scenario.behaviours[clients[client].behaviour] }

  /// Whether a client reads at once, and its latencies count.
  func isObserver(_ client: Int) -> Bool { observers.isEmpty || observers[client] }

  /// The first client of each behaviour, and one of each stretch of its clients that is long enough for another.
  private static func observers(
    _ clients: [Client], _ scenario: Scenario, _ random: SeededRandom
  ) -> [Bool] {
    guard let sampling = scenario.sampling else { return [] }
    let stretch = 1 / max(sampling.observers, 1e-9)
    var counts = [Int](repeating: 0, count: scenario.behaviours.count)
    return clients.map { client in
      let place = counts[client.behaviour]
      counts[client.behaviour] += 1
      let number = Int(Double(place) / stretch)
      guard number > 0 else { return place == 0 }
      let begin = (Double(number) * stretch).rounded(.up)
      let length = (Double(number + 1) * stretch).rounded(.up) - begin
      let unit = random.unit(.observer, client.behaviour, UInt64(number))
      return place == Int(begin + (unit * length).rounded(.down))
    }
  }

  /// Members of a group take targets in turn, so that groups lie across gateways.
  func target(of client: Int) -> Int {
    switch scenario.targetChoice {
    case .roundRobin:
      (clients[client].member + clients[client].group) % scenario.targets.count
    case .random:
      random.integer(0...(scenario.targets.count - 1), .target, client)
    }
  }

  /// When a client that arrives (or departs) in a phase does so: nanoseconds since the phase began.
  func moment(of index: Int, among count: Int, in phase: Phase) -> UInt64 {
    UInt64(Double(phase.ramp.nanoseconds) * Double(index) / Double(max(1, count)))
  }

  /// Of a client that publishes, having arrived at `origin` on the axis of work.
  func timetable(of client: Int, origin: Double) -> Timetable? {
    behaviour(of: client).publishing.map {
      Timetable($0.gap, client: client, of: clients.count, origin: origin, random: random)
    }
  }
}

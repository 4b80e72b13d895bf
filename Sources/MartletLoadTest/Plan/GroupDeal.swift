/// Deals clients, one after the other, over behaviours and groups.
struct GroupDeal {
  private let scenario: Scenario
  private let random: SeededRandom
  /// Spreads, as often as the weights of their behaviours say, well mixed.
  private let turn: [String]
  private let spreads: [String: Spread]
  /// Clients dealt so far, by spread.
  private var dealt: [String: Int] = [:]
  private(set) var members: [[Int]]
  private(set) var publishers: [[Int]]

  /// A spread with its place among all groups.
  private struct Spread {
    var spread: GroupSpread
    var first: Int
    var count: Int
    /// For draws: the share of all groups up to and including each.
    var cumulative: [Double] = []
    /// Its behaviours, as often as their weights say.
    var behaviours: [Int] = []
  }

  init(_ scenario: Scenario, clients: Int, random: SeededRandom) {
    self.scenario = scenario
    self.random = random
    let names = scenario.groups.keys.sorted()
    let users = names.map { name in
      scenario.behaviours.indices.filter { scenario.behaviours[$0].group == name }
    }
    let turn = Self.mix(
      users.map { indices in indices.reduce(0) { $0 + scenario.behaviours[$1].weight } }
    ).map { names[$0] }
    self.turn = turn
    var spreads: [String: Spread] = [:]
    var groups = 0
    for (name, indices) in zip(names, users) {
      let count = (0..<clients).count { turn[$0 % turn.count] == name }
      guard let spread = scenario.groups[name] else { continue }
      var placed = Self.place(spread, at: groups, users: count)
      placed.behaviours = Self.mix(indices.map { scenario.behaviours[$0].weight }).map {
        indices[$0]
      }
      spreads[name] = placed
      groups += placed.count
    }
    self.spreads = spreads
    members = Array(repeating: [], count: groups)
    publishers = Array(repeating: [], count: groups)
  }

  private static func place(_ spread: GroupSpread, at first: Int, users: Int) -> Spread {
    switch spread {
    case .even(let count), .uniform(let count):
      return Spread(spread: spread, first: first, count: count)
    case .sized(let size):
      return Spread(spread: spread, first: first, count: max(1, (users + size - 1) / size))
    case .zipf(let count, let exponent):
      var sum = 0.0
      let sums = (0..<count).map { rank -> Double in
        sum += Double.power(Double(rank + 1), -exponent)
        return sum
      }
      return Spread(
        spread: spread, first: first, count: count, cumulative: sums.map { $0 / sum })
    }
  }

  mutating func next(_ number: Int) -> Plan.Client {
    let name = turn[number % turn.count]
    guard let spread = spreads[name] else {
      preconditionFailure("a scenario's behaviours name its groups")
    }
    let index = dealt[name, default: 0]
    dealt[name] = index + 1
    let groupNumber = draw(spread, number, index)
    let group = spread.first + groupNumber
    // Every group has its share of each behaviour, beginning anywhere: or who publishes might have one target in common.
    let begin = random.integer(0...(spread.behaviours.count - 1), .mixture, group)
    let behaviour = spread.behaviours[(members[group].count + begin) % spread.behaviours.count]
    var client = Plan.Client(
      behaviour: behaviour, group: group, groupNumber: groupNumber,
      member: members[group].count)
    members[group].append(number)
    if let publishing = scenario.behaviours[behaviour].publishing, !publishing.isEphemeral {
      client.publisher = publishers[group].count
      publishers[group].append(number)
    }
    return client
  }

  private func draw(_ spread: Spread, _ number: Int, _ index: Int) -> Int {
    switch spread.spread {
    case .even, .sized: index % spread.count
    case .uniform: random.integer(0...(spread.count - 1), .group, number)
    case .zipf:
      spread.cumulative.firstIndex(atOrAbove: random.unit(.group, number))
    }
  }

  /// Each index as often as its weight, as evenly mixed as can be: always whoever is furthest behind its share.
  private static func mix(_ weights: [Int]) -> [Int] {
    let total = weights.reduce(0, +)
    var credit = weights.map { _ in 0 }
    return (0..<total).map { _ in
      for index in credit.indices { credit[index] += weights[index] }
      let next = credit.indices.max { credit[$0] < credit[$1] } ?? 0
      credit[next] -= total
      return next
    }
  }
}

extension [Double] {
  /// Binary search in ascending values; the last index if all are below.
  fileprivate func firstIndex(atOrAbove value: Double) -> Int {
    var low = 0
    var high = count - 1
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

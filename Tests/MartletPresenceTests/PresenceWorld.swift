import MartletCore
import MartletTestSupport
import Testing

@testable import MartletPresence

/// Gateways, a report stream and an aggregator, all of which fail at random; the state is compared with
/// ``NaivePresence`` after each step.
struct PresenceWorld {
  private static let groups = ["a", "b"].map { GroupName(trusted: $0) }
  private static let users = (0..<4).map { User(id: "u\($0)", name: nil) }

  private struct Gateway {
    var queue: ReportQueue
    var sessions: [PresenceSession] = []
  }

  private var random: SeededGenerator
  private var now = Duration.seconds(100)
  private var gateways: [String: Gateway] = [:]
  private var dead: [String] = []
  private var stream: [PresenceReport] = []
  /// Reports that may arrive once more.
  private var former: [PresenceReport] = []
  private var storage = PresenceStorage()
  private var state: PresenceState
  private var model: NaivePresence
  private var births = 0
  private var connections = 0

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    let grace = Duration.seconds(Int.random(in: 0...6, using: &random))
    state = PresenceState(grace: grace)
    model = NaivePresence(grace: grace)
  }

  private mutating func chance(_ percent: Int) -> Bool {
    Int.random(in: 0..<100, using: &random) < percent
  }

  // MARK: Steps

  mutating func step() throws {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<35: change()
    case 35..<55: report()
    case 55..<75: try deliver()
    case 75..<90: try passTime()
    case 90..<93: fault()
    case 93..<95: crashGateway()
    case 95..<97: try reap()
    case 97..<98: repeatFormer()
    default: reloadAggregator()
    }
    try check()
  }

  /// Lets everything arrive, and everybody who is dead be found dead.
  mutating func settle() throws {
    // Also here reports are refused; so often in a row they are not.
    for _ in 0..<20 {
      answerRequests()
      for name in gateways.keys.sorted() { send(name) }
      while !stream.isEmpty { try deliver() }
    }
    while !dead.isEmpty { try reap() }
    for _ in 0..<40 {
      now += .milliseconds(500)
      try tick()
    }
    try check()
    var truth: [NaivePresence.Person: Int] = [:]
    for gateway in gateways.values {
      for session in gateway.sessions {
        truth[.init(group: session.group, userID: session.user.id), default: 0] += 1
      }
    }
    try #require(counts() == truth)
  }

  private mutating func change() {
    guard let name = gateways.keys.sorted().randomElement(using: &random), !chance(5) else {
      if gateways.count < 4 {
        births += 1
        gateways["g\(births)"] = Gateway(queue: ReportQueue(gateway: "g\(births)"))
      }
      return
    }
    if chance(55) || gateways[name]?.sessions.isEmpty == true {
      guard let group = Self.groups.randomElement(using: &random),
        let user = Self.users.randomElement(using: &random)
      else { return }
      connections += 1
      let session = PresenceSession(group: group, connectionID: "c\(connections)", user: user)
      gateways[name]?.sessions.append(session)
      gateways[name]?.queue.join(session)
    } else if let count = gateways[name]?.sessions.count {
      let index = Int.random(in: 0..<count, using: &random)
      guard let session = gateways[name]?.sessions.remove(at: index) else { return }
      gateways[name]?.queue.leave(group: session.group, connectionID: session.connectionID)
    }
  }

  private mutating func report() {
    answerRequests()
    guard let name = gateways.keys.sorted().randomElement(using: &random) else { return }
    send(name)
  }

  /// A renewal, then the reports; sometimes their acknowledgement is lost, or they are refused.
  private mutating func send(_ name: String) {
    gateways[name]?.queue.registered(isNew: false)
    for report in gateways[name]?.queue.reportsToSend() ?? [] {
      switch Int.random(in: 0..<20, using: &random) {
      case 0: gateways[name]?.queue.refused(report.sequence)
      case 1:
        stream.append(report)
        stream += gateways[name]?.queue.reportsToRepeat() ?? []
      default:
        stream.append(report)
        gateways[name]?.queue.acknowledged(report.sequence)
      }
    }
  }

  private mutating func answerRequests() {
    for name in storage.requests { gateways[name]?.queue.registered(isNew: true) }
    storage.requests.removeAll()
  }

  private mutating func deliver() throws {
    guard !stream.isEmpty else { return }
    let report = stream.removeFirst()
    former.append(report)
    if former.count > 20 { former.removeFirst() }
    model.look(now)
    // Only the sequence tells the model of a state that was reloaded in the middle of a report.
    let expected = model.apply(report)
    let before = state
    let changes = state.apply(report, now: now)
    if chance(5) {
      // The aggregator is killed between two parts of a commit; its successor reads the report again.
      let part = changes.prefix(Int.random(in: 0...changes.count, using: &random))
      storage.apply(part)
      reload(from: before)
      let rest = state.apply(report, now: now)
      storage.apply(rest)
      try check(diffs: Array(part) + rest, joined: expected, left: [])
      model.reload()
    } else {
      storage.apply(changes)
      try check(diffs: changes, joined: expected, left: [])
    }
  }

  private mutating func passTime() throws {
    switch Int.random(in: 0..<40, using: &random) {
    case 0: now += .seconds(100_000)
    case 1: now -= .seconds(100_000)
    default: now += .milliseconds(Int.random(in: 0...900, using: &random))
    }
    try tick()
  }

  private mutating func tick() throws {
    model.look(now)
    let expected = model.tick()
    let changes = state.tick(now: now)
    storage.apply(changes)
    try check(diffs: changes, joined: [], left: expected)
  }

  /// A Redis that fails over loses the end of the stream; the gateways reconnect.
  private mutating func fault() {
    stream.removeLast(Int.random(in: 0...stream.count, using: &random))
    for name in gateways.keys.sorted() {
      stream += gateways[name]?.queue.reportsToRepeat() ?? []
    }
  }

  private mutating func crashGateway() {
    guard let name = gateways.keys.sorted().randomElement(using: &random) else { return }
    gateways[name] = nil
    dead.append(name)
  }

  private mutating func reap() throws {
    guard let name = dead.popLast() else { return }
    // What it sent before it died comes before it is found dead.
    stream.removeAll { $0.gateway == name }
    former.removeAll { $0.gateway == name }
    model.look(now)
    _ = model.remove(name)
    let changes = state.removeGateway(name, now: now)
    storage.apply(changes)
    try check(diffs: changes, joined: [], left: [])
  }

  private mutating func repeatFormer() {
    if let report = former.randomElement(using: &random), gateways[report.gateway] != nil {
      stream.append(report)
    }
  }

  private mutating func reloadAggregator() {
    reload(from: state)
    model.reload()
  }

  /// Replaces the state by the stored one. `lost` is what the killed aggregator had.
  private mutating func reload(from lost: PresenceState) {
    let loaded = storage.load(grace: lost.grace, now: now)
    storage.apply(loaded.changes)
    state = loaded.state
    model.look(now)
  }

  // MARK: Checks

  private func check(
    diffs: some Sequence<PresenceChange>, joined: Set<NaivePresence.Person>,
    left: Set<NaivePresence.Person>
  ) throws {
    let announced = diffs.compactMap(\.announcement)
    func people(_ kind: PresenceDiff.Kind) -> [NaivePresence.Person] {
      announced.filter { $0.kind == kind }.map { .init(group: $0.group, userID: $0.user.id) }
    }
    try #require(people(.joined).count == joined.count && Set(people(.joined)) == joined)
    try #require(people(.left).count == left.count && Set(people(.left)) == left)
  }

  private func counts() -> [NaivePresence.Person: Int] {
    var counts: [NaivePresence.Person: Int] = [:]
    for group in Self.groups {
      for member in state.members(of: group) {
        counts[.init(group: group, userID: member.user.id)] = member.connections
      }
    }
    return counts
  }

  /// Everybody who is announced is a member, with the right number of connections, in memory and as stored.
  private func check() throws {
    let counts = counts()
    try #require(Set(counts.keys) == Set(model.people.keys))
    for (person, count) in counts { try #require(count == model.count(person)) }
    let stored = storage.load(grace: state.grace, now: now).state
    for group in Self.groups {
      try #require(stored.members(of: group) == state.members(of: group))
    }
  }
}

import MartletCore
import MartletTestSupport
import Testing

@testable import MartletPresence

/// Gateways, report streams and aggregators, all of which fail at random. After each step the states are compared with
/// ``NaivePresence``, and what groups are told is followed by a ``GroupViewer`` each.
struct PresenceWorld {
  private static let groups = ["a", "b", "c"].map { GroupName(trusted: $0) }
  private static let users = ["u0", "u1", "u2", "u3", "u4", "u5", "anonymous:x"].map {
    User(id: $0, name: nil)
  }

  private struct Gateway {
    var queues: [ReportQueue]
    var sessions: [PresenceSession] = []
  }

  private let map: ShardMap
  private let rules: PresenceRules
  private var random: SeededGenerator
  private var now = Duration.seconds(100)
  private var wallClock: Int64 = 1_000_000
  private var gateways: [String: Gateway] = [:]
  private var shards: [WorldShard]
  private var viewers: [GroupName: GroupViewer] = [:]
  private var chosen: [String: UserStatus] = [:]
  private var births = 0
  private var connections = 0
  private var steps = 0

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    let map = ShardMap(count: Int.random(in: 1...3, using: &random))
    var rules = PresenceRules()
    rules.grace = .seconds(Int.random(in: 0...6, using: &random))
    rules.drainGrace = .seconds(Int.random(in: 0...9, using: &random))
    rules.batch = .milliseconds(Int.random(in: 0...2_000, using: &random))
    rules.cap = Int.random(in: 1...6, using: &random)
    rules.awayAfter = .seconds(Int.random(in: 1...15, using: &random))
    self.map = map
    self.rules = rules
    shards = (0..<map.count).map { WorldShard($0, of: map, rules: rules) }
    for group in Self.groups { viewers[group] = GroupViewer() }
  }

  private mutating func chance(_ percent: Int) -> Bool {
    Int.random(in: 0..<100, using: &random) < percent
  }

  private var moment: PresenceMoment { PresenceMoment(now: now, wallClock: wallClock) }

  private mutating func anyShard() -> Int { Int.random(in: 0..<shards.count, using: &random) }

  private mutating func anyGateway() -> String? {
    gateways.keys.sorted().randomElement(using: &random)
  }

  // MARK: Steps

  mutating func step() throws {
    steps += 1
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<35: change()
    case 35..<55: report()
    case 55..<72: deliver(anyShard())
    case 72..<86: passTime()
    case 86..<89: deliverNotices(reliably: false)
    case 89..<91: choose()
    case 91..<93: fault()
    case 93..<95: crashGateway()
    case 95..<97: reap(anyShard())
    case 97..<98: repeatFormer()
    case 98: drain()
    default: shards[anyShard()].reload(now)
    }
    try follow()
    try check(storage: steps.isMultiple(of: 7))
  }

  private mutating func change() {
    guard let name = anyGateway(), !chance(5) else { return addGateway() }
    let count = gateways[name]?.sessions.count ?? 0
    if count == 0 || chance(45) { return join(name) }
    let index = Int.random(in: 0..<count, using: &random)
    guard let session = gateways[name]?.sessions[index] else { return }
    let membership = Membership(session)
    switch Int.random(in: 0..<4, using: &random) {
    case 0:
      let meta = anyMeta()
      gateways[name]?.sessions[index].meta = meta
      guard let changed = gateways[name]?.sessions[index] else { return }
      forEachQueue(name, of: session) { $0.join(changed) }
    case 1:
      let age = Int64.random(in: 0...2_000, using: &random)
      forEachQueue(name, of: session) { $0.seen(membership, age: age) }
    default:
      gateways[name]?.sessions.remove(at: index)
      forEachQueue(name, of: session) { $0.leave(membership) }
    }
  }

  private mutating func addGateway() {
    guard gateways.count < 4 else { return }
    births += 1
    let name = "g\(births)"
    gateways[name] = Gateway(queues: shards.map { _ in ReportQueue(gateway: name) })
  }

  private mutating func join(_ name: String) {
    guard let group = Self.groups.randomElement(using: &random),
      let user = Self.users.randomElement(using: &random)
    else { return }
    connections += 1
    let session = PresenceSession(
      group: group, connectionID: "c\(connections)", user: user, meta: anyMeta())
    gateways[name]?.sessions.append(session)
    forEachQueue(name, of: session) { $0.join(session) }
  }

  private mutating func anyMeta() -> String {
    ["{}", #"{"page":"x"}"#, #"{"page":"y"}"#].randomElement(using: &random) ?? "{}"
  }

  private mutating func forEachQueue(
    _ name: String, of session: PresenceSession, _ body: (inout ReportQueue) -> Void
  ) {
    let group = map.shard(of: session.group)
    for shard in Set([group, session.home.map { map.home(of: $0.key) } ?? group]) {
      if var queue = gateways[name]?.queues[shard] {
        body(&queue)
        gateways[name]?.queues[shard] = queue
      }
    }
  }

  private mutating func report() {
    let shard = anyShard()
    answerRequests(shard)
    if let name = anyGateway() { send(name, shard) }
  }

  /// A renewal, then the reports; sometimes their acknowledgement is lost, or they are refused.
  private mutating func send(_ name: String, _ shard: Int) {
    guard var queue = gateways[name]?.queues[shard] else { return }
    if queue.isActive { queue.registered(isNew: false) }
    for report in queue.reportsToSend() {
      switch Int.random(in: 0..<20, using: &random) {
      case 0: queue.refused(report.sequence)
      case 1:
        shards[shard].stream.append(.report(report))
        shards[shard].stream += queue.reportsToRepeat().map { .report($0) }
      default:
        shards[shard].stream.append(.report(report))
        queue.acknowledged(report.sequence)
      }
    }
    gateways[name]?.queues[shard] = queue
  }

  private mutating func answerRequests(_ shard: Int) {
    for name in shards[shard].storage.requests {
      gateways[name]?.queues[shard].registered(isNew: true)
    }
    shards[shard].storage.requests.removeAll()
  }

  private mutating func choose() {
    guard let user = Self.users.dropLast().randomElement(using: &random),
      let status = UserStatus.allCases.randomElement(using: &random)
    else { return }
    chosen[user.id] = status
    let home = HomeUser(user: user, tenant: nil)
    shards[map.home(of: home.key)].stream.append(.choice(status, home))
  }

  private mutating func deliver(_ shard: Int) {
    guard !shards[shard].stream.isEmpty else { return }
    let entry = shards[shard].stream.removeFirst()
    let cut: Int? = chance(5) ? Int.random(in: 0...100, using: &random) : nil
    let moment = moment
    // What is due happens before the report counts.
    tick(shard)
    switch entry {
    case .report(let report):
      shards[shard].former.append(report)
      if shards[shard].former.count > 20 { shards[shard].former.removeFirst() }
      shards[shard].model.apply(report)
      shards[shard].take(now: now, cutAt: cut) { $0.apply(report, moment) }
      shards[shard].model.look(now)
    case .choice(let status, let user):
      shards[shard].take(now: now, cutAt: cut) { $0.choose(status, for: user, moment) }
    }
  }

  private mutating func passTime() {
    switch Int.random(in: 0..<40, using: &random) {
    case 0: now += .seconds(100_000)
    case 1: now -= .seconds(100_000)
    default: now += .milliseconds(Int.random(in: 0...900, using: &random))
    }
    wallClock += Int64.random(in: 0...900, using: &random)
    tick()
  }

  private mutating func tick() {
    for shard in shards.indices { tick(shard) }
  }

  private mutating func tick(_ shard: Int) {
    let moment = moment
    shards[shard].model.look(now)
    shards[shard].take(now: now) { $0.tick(moment) }
  }

  /// - Parameter reliably: otherwise notices or their answers get lost.
  private mutating func deliverNotices(reliably: Bool) {
    for shard in shards.indices {
      for notice in shards[shard].state.notices() {
        let luck = reliably ? 2 : Int.random(in: 0..<6, using: &random)
        if luck > 0 { shards[map.shard(of: notice.key.group)].storage.deliver(notice) }
        let steps = shards[shard].state.answered(notice, isDelivered: luck > 1)
        shards[shard].storage.apply(steps)
      }
    }
  }

  /// A Redis that fails over loses the end of a stream; the gateways reconnect.
  private mutating func fault() {
    let shard = anyShard()
    let kept = Int.random(in: 0...shards[shard].stream.count, using: &random)
    let lost = shards[shard].stream[kept...]
    shards[shard].stream.removeSubrange(kept...)
    // A user whose choice is lost chooses again.
    shards[shard].stream += lost.filter { if case .choice = $0 { true } else { false } }
    for name in gateways.keys.sorted() {
      shards[shard].stream += (gateways[name]?.queues[shard].reportsToRepeat() ?? []).map {
        .report($0)
      }
    }
  }

  private mutating func crashGateway() {
    guard let name = anyGateway() else { return }
    gateways[name] = nil
    for shard in shards.indices { shards[shard].dead.append(name) }
  }

  private mutating func drain() {
    guard let name = anyGateway() else { return }
    for shard in shards.indices { gateways[name]?.queues[shard].drain() }
  }

  private mutating func reap(_ shard: Int) {
    guard let name = shards[shard].dead.popLast() else { return }
    // What it sent before it died comes before it is found dead.
    shards[shard].stream.removeAll { entry in
      if case .report(let report) = entry { report.gateway == name } else { false }
    }
    shards[shard].former.removeAll { $0.gateway == name }
    let moment = moment
    tick(shard)
    shards[shard].model.remove(name)
    shards[shard].take(now: now) { $0.removeGateway(name, moment) }
    shards[shard].model.look(now)
  }

  private mutating func repeatFormer() {
    let shard = anyShard()
    if let report = shards[shard].former.randomElement(using: &random),
      gateways[report.gateway] != nil
    {
      shards[shard].stream.append(.report(report))
    }
  }

  // MARK: Checks

  /// What groups were told reaches their viewers.
  private mutating func follow() throws {
    for shard in shards.indices {
      for (diff, list) in shards[shard].storage.announced {
        try viewers[diff.group]?.received(diff.kind, list: list)
      }
      shards[shard].storage.announced.removeAll()
    }
  }

  private func check(storage isDue: Bool) throws {
    for shard in shards {
      try check(shard)
      guard isDue else { continue }
      let loaded = PresenceState(
        shard.storage.persisted, shard: shard.state.shard, of: map, rules: rules, now: now)
      for group in Self.groups where map.shard(of: group) == shard.state.shard {
        try #require(roster(loaded, group) == roster(shard.state, group))
      }
      for user in Self.users {
        let key = UserKey(tenant: nil, id: user.id)
        try #require(
          loaded.homes.sessionStart(of: key) == shard.state.homes.sessionStart(of: key))
        try #require(loaded.homes.status(of: key) == shard.state.homes.status(of: key))
      }
    }
  }

  private func roster(_ state: PresenceState, _ group: GroupName) -> [String: MemberProfile] {
    state.people(of: group).mapValues(\.profile)
  }

  /// Everybody is there who should be, with the right number of connections, in memory and for readers.
  private func check(_ shard: WorldShard) throws {
    var expected: [GroupName: [String: Int]] = [:]
    var home: Set<String> = []
    for person in shard.model.people.keys {
      switch person.place {
      case .group(let group):
        expected[group, default: [:]][person.userID] = shard.model.count(person)
      case .home: home.insert(person.userID)
      }
    }
    for group in Self.groups {
      let people = shard.state.people(of: group)
      let here = people.filter { !$0.value.hasLeft }.mapValues(\.connections.count)
      try #require(here == expected[group] ?? [:])
      let listed = shard.storage.members[group] ?? [:]
      try #require(listed.mapValues(\.connections) == people.mapValues(\.connections.count))
      try #require(listed.mapValues(\.profile) == people.mapValues(\.profile))
    }
    try #require(Set(shard.storage.users.keys.map(\.text)) == home)
  }

  // MARK: The end

  /// Lets everything arrive, and everybody who is dead be found dead; then everybody knows the truth.
  mutating func settle() throws {
    // Also here reports are refused; so often in a row they are not.
    for _ in 0..<20 {
      for shard in shards.indices {
        answerRequests(shard)
        for name in gateways.keys.sorted() { send(name, shard) }
        while !shards[shard].stream.isEmpty { deliver(shard) }
      }
    }
    for shard in shards.indices {
      while !shards[shard].dead.isEmpty { reap(shard) }
    }
    for _ in 0..<80 {
      now += .milliseconds(500)
      tick()
      deliverNotices(reliably: true)
    }
    try follow()
    try check(storage: true)
    for group in Self.groups { try checkTruth(of: group) }
    try checkHomes()
  }

  private func checkTruth(of group: GroupName) throws {
    var truth: [String: GroupViewer.Member] = [:]
    for session in gateways.values.flatMap(\.sessions) where session.group == group {
      var member = truth[session.user.id] ?? GroupViewer.Member()
      if session.meta != "{}" { member.metas.insert(session.meta) }
      // Long enough has passed for everybody to be away.
      member.status =
        session.user.isAnonymous
        ? .available : chosen[session.user.id].map { $0 == .available ? .away : $0 } ?? .away
      truth[session.user.id] = member
    }
    let storage = shards[map.shard(of: group)].storage
    try #require(storage.list(of: group) == truth)
    guard let viewer = viewers[group] else { return }
    if viewer.isListed {
      try #require(viewer.members == truth)
    } else {
      try #require(viewer.count == truth.count && truth.count > rules.recoveredCap)
    }
    // Nothing is remembered of users who are not there.
    let shown = storage.shown[group] ?? [:]
    try #require(Set(shown.keys).isSubset(of: truth.keys))
  }

  private func checkHomes() throws {
    var truth: [String: Set<MembershipKey>] = [:]
    for (name, gateway) in gateways {
      for session in gateway.sessions where !session.user.isAnonymous {
        truth[session.user.id, default: []].insert(
          MembershipKey(gateway: name, membership: Membership(session)))
      }
    }
    for user in Self.users.dropLast() {
      let key = UserKey(tenant: nil, id: user.id)
      let storage = shards[map.home(of: key)].storage
      try #require(Set((storage.users[key]?.places ?? [:]).keys) == truth[user.id] ?? [])
      try #require(storage.pendingNotices == [])
    }
  }
}

extension PresenceStorage {
  /// What a member is answered who asks for the list.
  func list(of group: GroupName) -> [String: GroupViewer.Member] {
    // Who has not been announced will be.
    let unannounced = Set(
      (debts[group] ?? []).filter { $0.kind == .joined }.map(\.userID))
    return (members[group] ?? [:]).filter { !unannounced.contains($0.key) }.mapValues {
      GroupViewer.Member(
        metas: Set($0.profile.metas), status: shown[group]?[$0.profile.user.id] ?? .available)
    }
  }
}

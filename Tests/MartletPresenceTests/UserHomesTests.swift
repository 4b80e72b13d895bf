import MartletCore
import Testing

@testable import MartletPresence

@Suite("Homes of users")
struct UserHomesTests {
  private static let other = GroupName(trusted: "hall")
  private static let home = HomeUser(user: Examples.ann, tenant: nil)

  var state: PresenceState
  var storage = PresenceStorage()
  private var sequence: UInt64 = 0

  init() {
    var rules = PresenceRules()
    rules.batch = .zero
    rules.awayAfter = .seconds(10)
    state = PresenceState(shard: 0, of: Examples.map, rules: rules)
  }

  private mutating func apply(_ operation: PresenceReport.Operation, at seconds: Double) {
    sequence += 1
    commit(state.apply(.operations("g", sequence, operation), .at(seconds)))
  }

  private mutating func choose(_ status: UserStatus, at seconds: Double) {
    commit(state.choose(status, for: Self.home, .at(seconds)))
  }

  private mutating func commit(_ steps: [PresenceStep]) {
    storage.apply(steps)
    for notice in state.notices() {
      storage.deliver(notice)
      storage.apply(state.answered(notice, isDelivered: true))
    }
  }

  private mutating func pass(_ from: Double, _ to: Double) {
    var now = from
    while now < to {
      now = min(now + 0.5, to)
      commit(state.tick(.at(now)))
    }
  }

  /// What groups were told of ann's status, as `GROUP=STATUS`.
  private var told: [String] {
    storage.announced.map(\.diff).compactMap { diff in
      if case .status(_, let status) = diff.kind { "\(diff.group)=\(status.rawValue)" } else { nil }
    }
  }

  private func shown(_ group: GroupName = Examples.group) -> UserStatus? {
    storage.shown[group]?["ann"]
  }

  @Test("a status is told to every group where the user is, and kept for later ones")
  mutating func chosen() {
    apply(.join(Examples.session("c1")), at: 0)
    apply(.join(Examples.session("c2", in: Self.other)), at: 0)
    choose(.doNotDisturb, at: 1)
    #expect(told.sorted() == ["hall=do_not_disturb", "room=do_not_disturb"])
    choose(.doNotDisturb, at: 2)
    #expect(told.count == 2)
    let third = GroupName(trusted: "yard")
    apply(.join(Examples.session("c3", in: third)), at: 3)
    #expect(shown(third) == .doNotDisturb)
    choose(.available, at: 4)
    #expect(shown() == nil && shown(third) == nil)
    #expect(storage.statuses.isEmpty)
  }

  @Test("somebody who does nothing is away, and available again with the first thing they do")
  mutating func idleness() {
    apply(.join(Examples.session("c1")), at: 0)
    pass(0, 6)
    let membership = Membership(Examples.session("c1"))
    // Three seconds ago: ten seconds count from then.
    apply(.seen(membership, age: 3_000), at: 6)
    pass(6, 12.5)
    #expect(told == [])
    pass(12.5, 13)
    #expect(told == ["room=away"])
    #expect(storage.lastSeen == [UserKey(text: "ann"): 3_000])
    apply(.seen(membership, age: 0), at: 14)
    #expect(told == ["room=away", "room=available"])
  }

  @Test("do not disturb stays whatever the user does")
  mutating func quiet() {
    apply(.join(Examples.session("c1")), at: 0)
    choose(.doNotDisturb, at: 0)
    pass(0, 30)
    #expect(told == ["room=do_not_disturb"])
  }

  @Test("a reconnect is no activity, another device is")
  mutating func reconnect() {
    apply(.join(Examples.session("c1")), at: 0)
    pass(0, 11)
    apply(.leave(Membership(Examples.session("c1"))), at: 11)
    pass(11, 12)
    apply(.join(Examples.session("c2")), at: 12)
    #expect(told == ["room=away"] && shown() == .away)
    apply(.join(Examples.session("c3")), at: 13)
    #expect(told == ["room=away", "room=available"])
  }

  @Test("a chosen status outlives the session, also when a successor takes over")
  mutating func outlives() {
    apply(.join(Examples.session("c1")), at: 0)
    choose(.offline, at: 0)
    #expect(told == ["room=offline"])
    apply(.leave(Membership(Examples.session("c1"))), at: 1)
    pass(1, 10)
    #expect(shown() == nil && storage.users.isEmpty)
    state = PresenceState(
      storage.persisted, shard: 0, of: Examples.map, rules: state.rules, now: .zero)
    apply(.join(Examples.session("c2")), at: 0)
    #expect(shown() == .offline)
    #expect(told == ["room=offline", "room=offline"])
  }

  @Test("a status that is chosen while the user is not here counts when the user comes")
  mutating func chosenAbsent() {
    choose(.away, at: 0)
    #expect(storage.statuses[Self.home.key]?.shown == .offline)
    apply(.join(Examples.session("c1")), at: 1)
    #expect(told == ["room=away"])
  }

  @Test("what was remembered of somebody who is gone is forgotten after a while")
  mutating func forgotten() {
    let day = 86_400.0
    choose(.away, at: 0)
    apply(.join(Examples.session("c1", Examples.bob)), at: 0)
    apply(.leave(Membership(Examples.session("c1", Examples.bob))), at: 0)
    pass(0, 6)
    let late = PresenceMoment(now: .seconds(6), wallClock: Int64(31 * day * 1_000))
    commit(state.tick(late))
    #expect(!storage.statuses.isEmpty)
    // Only the wall clock has gone on; the look for what is old comes every ten minutes.
    for second in 7..<700 {
      commit(
        state.tick(PresenceMoment(now: .seconds(second), wallClock: late.wallClock)))
    }
    #expect(storage.statuses.isEmpty && storage.lastSeen.isEmpty)
  }

  @Test("a session lasts from the first connection to the last one's grace")
  mutating func session() {
    let key = Self.home.key
    apply(.join(Examples.session("c1")), at: 1)
    apply(.join(Examples.session("c2", in: Self.other)), at: 2)
    apply(.leave(Membership(Examples.session("c1"))), at: 3)
    #expect(storage.users[key]?.start == 1_000 && storage.users[key]?.places.count == 1)
    apply(.leave(Membership(Examples.session("c2", in: Self.other))), at: 4)
    pass(4, 8)
    apply(.join(Examples.session("c3")), at: 8)
    #expect(storage.users[key]?.start == 1_000)
    apply(.leave(Membership(Examples.session("c3"))), at: 9)
    pass(9, 15)
    #expect(storage.users[key] == nil && storage.lastSeen[key] == 9_000)
  }

  @Test("anonymous users have no home")
  mutating func anonymous() {
    apply(.join(Examples.session("c1", User(id: "anonymous:c1", name: "Ann"))), at: 0)
    #expect(state.homes.count == 0 && storage.users.isEmpty && storage.lastSeen.isEmpty)
  }

  @Test("a notice that could not be delivered is sent again, the latest status only")
  mutating func undelivered() {
    apply(.join(Examples.session("c1")), at: 0)
    storage.apply(state.choose(.away, for: Self.home, .at(0)))
    let first = state.notices()
    #expect(first.map(\.status) == [.away] && state.notices() == [])
    storage.apply(state.choose(.doNotDisturb, for: Self.home, .at(0)))
    storage.apply(state.answered(first[0], isDelivered: false))
    pass(0, 1)
    #expect(told == ["room=do_not_disturb"])
    #expect(storage.pendingNotices == [])
  }
}

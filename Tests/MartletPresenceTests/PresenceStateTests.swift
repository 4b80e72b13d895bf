import MartletCore
import Testing

@testable import MartletPresence

@Suite("Presence state")
struct PresenceStateTests {
  var state = Self.state(cap: 200)

  private static func state(cap: Int, batch: Duration = .zero) -> PresenceState {
    var rules = PresenceRules()
    rules.batch = batch
    rules.cap = cap
    return PresenceState(shard: 0, of: Examples.map, rules: rules)
  }

  /// Lets time pass in steps that the clock counts in full.
  private mutating func pass(_ from: Double, _ to: Double) -> [PresenceStep] {
    var steps: [PresenceStep] = []
    var now = from
    while now < to {
      now = min(now + 0.5, to)
      steps += state.tick(.at(now))
    }
    return steps
  }

  private mutating func join(
    _ sequence: UInt64, _ sessions: PresenceSession..., at seconds: Double = 0
  ) -> [PresenceStep] {
    state.apply(
      PresenceReport(
        gateway: "g", sequence: sequence, body: .operations(sessions.map { .join($0) })),
      .at(seconds))
  }

  private func user(_ number: Int) -> User { User(id: "u\(number)", name: nil) }

  // MARK: Joins and leaves

  @Test("the first connection of a user is a join, the second is not")
  mutating func firstConnectionJoins() {
    #expect(join(1, Examples.session("c1")).diffs == ["+ann"])
    #expect(join(2, Examples.session("c2")).diffs == [])
    #expect(state.members == ["ann:2"])
  }

  @Test("a user leaves once the last connection has been gone for the grace")
  mutating func leaveAfterGrace() {
    _ = join(1, Examples.session("c1"), Examples.session("c2"))
    let first = state.apply(.operations("g", 2, Examples.leave("c1")), .at(0))
    #expect(first.diffs == [] && state.rosters.nextDeadline == nil)
    _ = state.apply(.operations("g", 3, Examples.leave("c2")), .at(0))
    #expect(state.members == ["ann:0"])
    #expect(pass(0, 4.9).diffs == [])
    #expect(pass(4.9, 5).diffs == ["-ann"])
    #expect(state.rosters.groups.isEmpty && state.rosters.memberCount == 0)
    #expect(state.homes.count == 0 && state.rosters.nextDeadline == nil)
  }

  @Test("a reconnect within the grace, on another gateway, is neither leave nor join")
  mutating func reconnectWithinGrace() {
    var steps = join(1, Examples.session("c1", meta: #"{"page":"a"}"#))
    steps += state.apply(.operations("g", 2, Examples.leave("c1")), .at(0))
    steps += pass(0, 4)
    steps += state.apply(
      .operations("h", 1, .join(Examples.session("c1", meta: #"{"page":"a"}"#))), .at(4))
    steps += pass(4, 20)
    #expect(steps.diffs == ["+ann"])
  }

  @Test("a grace that begins again counts from its new beginning")
  mutating func graceBeginsAgain() {
    let leave = Examples.leave("c")
    _ = state.apply(.operations("g", 1, .join(Examples.session("c")), leave), .at(0))
    _ = state.apply(.operations("g", 2, .join(Examples.session("c"))), .at(1))
    _ = state.apply(.operations("g", 3, leave), .at(1))
    _ = pass(1, 3)
    _ = state.apply(.operations("g", 4, .join(Examples.session("c")), leave), .at(3))
    #expect(pass(3, 7.9).diffs == [])
    #expect(pass(7.9, 8).diffs == ["-ann"])
  }

  @Test("somebody who comes and goes before the group was told is never mentioned")
  mutating func unseenVisit() {
    state = Self.state(cap: 200, batch: .seconds(10))
    #expect(join(1, Examples.session("c1", Examples.bob)).diffs == ["+bob"])
    _ = join(2, Examples.session("c2"))
    _ = state.apply(.operations("g", 3, Examples.leave("c2")), .at(0))
    #expect(pass(0, 20).diffs == [])
    #expect(state.members == ["bob:1"])
    #expect(state.rosters.counters.coalesced > 0)
  }

  @Test("the users of a draining gateway have the drain's grace, also once it is gone")
  mutating func drain() {
    _ = join(1, Examples.session("c1"), Examples.session("c2", Examples.bob))
    _ = state.apply(PresenceReport(gateway: "g", sequence: 2, body: .drain), .at(0))
    _ = state.apply(.operations("g", 3, Examples.leave("c1")), .at(0))
    _ = state.apply(PresenceReport(gateway: "g", sequence: 4, body: .goodbye), .at(0))
    #expect(pass(0, 14.9).diffs == [])
    #expect(pass(14.9, 15).diffs.sorted() == ["-ann", "-bob"])
  }

  // MARK: Reports

  @Test("repeated and older reports change nothing")
  mutating func repetitions() {
    let join = PresenceReport.operations("g", 1, .join(Examples.session("c")))
    let leave = PresenceReport.operations("g", 2, Examples.leave("c"))
    _ = state.apply(join, .at(0))
    _ = state.apply(leave, .at(0))
    #expect(state.apply(join, .at(0)) == [])
    #expect(state.apply(leave, .at(0)) == [])
    #expect(state.members == ["ann:0"])
  }

  @Test("after missing reports the gateway is asked for a snapshot")
  mutating func gap() {
    _ = join(1, Examples.session("c1"))
    let steps = state.apply(.operations("g", 3), .at(0))
    #expect(steps.contains(.requestedSnapshot(gateway: "g")))
    let snapshot = state.apply(.snapshot("g", 9, Examples.session("c2")), .at(0))
    #expect(!snapshot.contains(.requestedSnapshot(gateway: "g")))
    #expect(snapshot.diffs == [])
    #expect(state.members == ["ann:1"])
  }

  @Test("a snapshot replaces the connections of its gateway and of no other")
  mutating func snapshotReplaces() {
    _ = join(1, Examples.session("c1"))
    _ = state.apply(.operations("h", 1, .join(Examples.session("c1"))), .at(0))
    _ = state.apply(.snapshot("g", 2, Examples.session("c3", Examples.bob)), .at(0))
    #expect(state.members == ["ann:1", "bob:1"])
  }

  @Test("a snapshot that says nothing new is no activity")
  mutating func snapshotRepeats() {
    _ = join(1, Examples.session("c1"))
    let steps = state.apply(.snapshot("g", 2, Examples.session("c1")), .at(60))
    #expect(!steps.contains(.seen(Examples.group, userID: "ann", 60_000)))
    #expect(!steps.contains(.userSeen(UserKey(text: "ann"), 60_000)))
  }

  @Test("the members of a lost gateway leave together after the grace, unless they are elsewhere")
  mutating func lostGateway() {
    _ = join(1, Examples.session("c1"), Examples.session("c2", Examples.bob))
    _ = state.apply(.operations("h", 1, .join(Examples.session("c3"))), .at(0))
    #expect(state.removeGateway("g", .at(0)).contains(.forgotten(gateway: "g")))
    #expect(pass(0, 6).diffs == ["-bob"])
  }

  @Test("a goodbye takes the gateway's connections along")
  mutating func goodbye() {
    _ = join(1, Examples.session("c"))
    _ = state.apply(PresenceReport(gateway: "g", sequence: 2, body: .goodbye), .at(0))
    #expect(state.knownGateways.isEmpty)
    #expect(pass(0, 6).diffs == ["-ann"])
  }

  @Test("a clock that jumps ends no grace: far ahead counts one step, backwards nothing")
  mutating func clockJumps() {
    _ = state.apply(
      .operations("g", 1, .join(Examples.session("c")), .join(Examples.session("d", Examples.bob))),
      .at(1_000))
    _ = state.apply(.operations("g", 2, Examples.leave("c")), .at(1_000))
    #expect(state.tick(.at(1_000_000_000)).diffs == [])
    #expect(state.tick(.at(-1_000_000_000)).diffs == [])
    #expect(pass(-1_000_000_000, -999_999_996.5).diffs == [])
    #expect(pass(-999_999_996.5, -999_999_996).diffs == ["-ann"])
  }

  // MARK: Telling

  @Test("a quiet group is told at once, then once per batch, in one go")
  mutating func batches() {
    state = Self.state(cap: 200, batch: .seconds(2))
    #expect(join(1, Examples.session("c0", user(0))).diffs == ["+u0"])
    #expect(join(2, Examples.session("c1", user(1)), at: 0.5).diffs == [])
    #expect(join(3, Examples.session("c2", user(2)), at: 1).diffs == [])
    #expect(pass(1, 1.9).diffs == [])
    #expect(pass(1.9, 2).diffs == ["+u1", "+u2"])
    #expect(pass(2, 10).diffs == [])
    #expect(join(4, Examples.session("c3", user(3)), at: 10).diffs == ["+u3"])
  }

  @Test("another meta is told as it is at the end of the batch, one that comes and goes is not")
  mutating func metas() {
    state = Self.state(cap: 200, batch: .seconds(2))
    _ = join(1, Examples.session("c1", meta: #"{"page":"a"}"#))
    for (sequence, page) in ["b", "c", "d"].enumerated() {
      let meta = #"{"page":"\#(page)"}"#
      #expect(join(UInt64(sequence + 2), Examples.session("c1", meta: meta)).diffs == [])
    }
    let steps = pass(0, 2)
    #expect(steps.diffs == ["~ann"])
    let profile = MemberProfile(user: Examples.ann, joinedAt: 0, metas: [#"{"page":"d"}"#])
    #expect(
      steps.contains(
        .announced(PresenceDiff(group: Examples.group, kind: .updated(profile)))))
    _ = join(9, Examples.session("c1", meta: #"{"page":"e"}"#), at: 2)
    _ = join(10, Examples.session("c1", meta: #"{"page":"d"}"#), at: 2)
    #expect(pass(2, 9).diffs == [])
  }

  @Test("a second tab on the same page changes nothing, one on another page does")
  mutating func secondTab() {
    _ = join(1, Examples.session("c1", meta: #"{"page":"a"}"#))
    #expect(join(2, Examples.session("c2", meta: #"{"page":"a"}"#)).diffs == [])
    #expect(join(3, Examples.session("c3", meta: #"{"page":"b"}"#)).diffs == ["~ann"])
  }

  @Test("above the cap the group is told its count, and names again well below it")
  mutating func cap() {
    state = Self.state(cap: 10, batch: .seconds(1))
    for number in 0..<30 {
      _ = join(UInt64(number + 1), Examples.session("c\(number)", user(number)))
    }
    // The first was told at once; the others would have been names.
    #expect(pass(0, 2).diffs == ["#30"])
    #expect(join(31, Examples.session("c30", user(30)), at: 3).diffs == ["#31"])
    #expect(join(32, Examples.session("c30", user(30), meta: #"{"a":1}"#), at: 3).diffs == [])
    for number in 0..<21 {
      _ = state.apply(
        .operations("g", UInt64(33 + number), Examples.leave("c\(number)")), .at(4))
    }
    let told = pass(4, 8.5).diffs + pass(8.5, 20).diffs
    #expect(told == ["#10"])  // Ten are few enough to list, but not well below the cap.
    _ = state.apply(.operations("g", 60, Examples.leave("c29")), .at(20))
    #expect(pass(20, 27).diffs == ["listed#9"])
    #expect(join(61, Examples.session("d", user(99)), at: 40).diffs == ["+u99"])
  }

  @Test("a crowd that reconnects at once is told nothing, one that comes at once its count")
  mutating func crowd() {
    state = Self.state(cap: 200, batch: .milliseconds(500))
    let sessions = (0..<1_000).map { Examples.session("c\($0)", user($0)) }
    let came =
      state.apply(.snapshot("g", 1), .at(0))
      + state.apply(
        PresenceReport(
          gateway: "g", sequence: 2, body: .operations(sessions.map { .join($0) })), .at(0))
      + pass(0, 3)
    #expect(came.diffs == ["#1000"])
    let returned =
      state.apply(PresenceReport(gateway: "g", sequence: 3, body: .goodbye), .at(3))
      + pass(3, 5)
      + state.apply(
        PresenceReport(
          gateway: "h", sequence: 1, body: .operations(sessions.map { .join($0) })), .at(5))
      + pass(5, 20)
    #expect(returned.diffs == [])
    #expect(state.rosters.memberCount == 1_000)
  }

  // MARK: Loading

  @Test("users of a lost state who are reported again are not announced, those who are not leave")
  mutating func adoption() {
    _ = join(1, Examples.session("c1"), Examples.session("c2", Examples.bob))
    let previous = state
    state = Self.state(cap: 200)
    #expect(state.adopt(previous, allowance: .seconds(5), now: .zero).diffs == [])
    #expect(state.apply(.snapshot("g", 7, Examples.session("c1")), .at(0)).diffs == [])
    #expect(pass(0, 9.5).diffs == [])
    #expect(pass(9.5, 10).diffs == ["-bob"])
  }
}

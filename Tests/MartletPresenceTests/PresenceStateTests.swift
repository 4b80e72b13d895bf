import MartletCore
import Testing

@testable import MartletPresence

@Suite("Presence state")
struct PresenceStateTests {
  var state = PresenceState(grace: .seconds(5))

  /// Lets time pass in steps that the clock counts in full.
  private mutating func pass(_ from: Double, _ to: Double) -> [PresenceChange] {
    var changes: [PresenceChange] = []
    var now = from
    while now < to {
      now = min(now + 0.5, to)
      changes += state.tick(now: .seconds(now))
    }
    return changes
  }

  @Test("the first connection of a user is a join, the second is not")
  mutating func firstConnectionJoins() {
    let first = state.apply(
      .operations("g", 1, .join(Examples.session("c1"))), now: .zero)
    let second = state.apply(
      .operations("g", 2, .join(Examples.session("c2"))), now: .zero)
    #expect(first.diffs == ["+ann"])
    #expect(second.diffs == [])
    #expect(
      state.members(of: Examples.group) == [PresenceMember(user: Examples.ann, connections: 2)])
  }

  @Test("a user leaves once the last connection has been gone for the grace")
  mutating func leaveAfterGrace() {
    _ = state.apply(
      .operations("g", 1, .join(Examples.session("c1")), .join(Examples.session("c2"))),
      now: .zero)
    let first = state.apply(
      .operations("g", 2, .leave(group: Examples.group, connectionID: "c1")), now: .zero)
    #expect(first.diffs == [] && !state.hasDepartures)
    _ = state.apply(
      .operations("g", 3, .leave(group: Examples.group, connectionID: "c2")), now: .zero)
    #expect(state.members(of: Examples.group).map(\.connections) == [0])
    #expect(pass(0, 4.9).diffs == [])
    #expect(pass(4.9, 5).diffs == ["-ann"])
    #expect(state.groupCount == 0)
    #expect(!state.hasDepartures)
  }

  @Test("a reconnect within the grace, on another gateway, is neither leave nor join")
  mutating func reconnectWithinGrace() {
    var changes = state.apply(.operations("g", 1, .join(Examples.session("c1"))), now: .zero)
    changes += state.apply(
      .operations("g", 2, .leave(group: Examples.group, connectionID: "c1")), now: .zero)
    changes += pass(0, 4)
    changes += state.apply(
      .operations("h", 1, .join(Examples.session("c1"))), now: .seconds(4))
    changes += pass(4, 20)
    #expect(changes.diffs == ["+ann"])
  }

  @Test("a grace that begins again counts from its new beginning")
  mutating func graceBeginsAgain() {
    let leave = PresenceReport.Operation.leave(group: Examples.group, connectionID: "c")
    _ = state.apply(.operations("g", 1, .join(Examples.session("c")), leave), now: .zero)
    _ = pass(0, 3)
    _ = state.apply(.operations("g", 2, .join(Examples.session("c")), leave), now: .seconds(3))
    #expect(pass(3, 7.9).diffs == [])
    #expect(pass(7.9, 8).diffs == ["-ann"])
  }

  @Test("repeated and older reports change nothing")
  mutating func repetitions() {
    let join = PresenceReport.operations("g", 1, .join(Examples.session("c")))
    let leave = PresenceReport.operations(
      "g", 2, .leave(group: Examples.group, connectionID: "c"))
    _ = state.apply(join, now: .zero)
    _ = state.apply(leave, now: .zero)
    #expect(state.apply(join, now: .zero) == [])
    #expect(state.apply(leave, now: .zero) == [])
    #expect(state.members(of: Examples.group).map(\.connections) == [0])
  }

  @Test("after missing reports the gateway is asked for a snapshot")
  mutating func gap() {
    _ = state.apply(.operations("g", 1, .join(Examples.session("c1"))), now: .zero)
    let changes = state.apply(.operations("g", 3), now: .zero)
    #expect(changes.contains(.requestSnapshot(gateway: "g")))
    let snapshot = state.apply(.snapshot("g", 9, Examples.session("c2")), now: .zero)
    #expect(!snapshot.contains(.requestSnapshot(gateway: "g")))
    #expect(snapshot.diffs == [])
    #expect(state.members(of: Examples.group).map(\.connections) == [1])
  }

  @Test("a snapshot replaces the connections of its gateway and of no other")
  mutating func snapshotReplaces() {
    _ = state.apply(.operations("g", 1, .join(Examples.session("c1"))), now: .zero)
    _ = state.apply(.operations("h", 1, .join(Examples.session("c1"))), now: .zero)
    _ = state.apply(.snapshot("g", 2, Examples.session("c3", Examples.bob)), now: .zero)
    #expect(
      state.members(of: Examples.group) == [
        PresenceMember(user: Examples.ann, connections: 1),
        PresenceMember(user: Examples.bob, connections: 1),
      ])
  }

  @Test("the members of a lost gateway leave together after the grace, unless they are elsewhere")
  mutating func lostGateway() {
    _ = state.apply(
      .operations(
        "g", 1, .join(Examples.session("c1")), .join(Examples.session("c2", Examples.bob))),
      now: .zero)
    _ = state.apply(.operations("h", 1, .join(Examples.session("c3"))), now: .zero)
    #expect(state.removeGateway("g", now: .zero).contains(.forget(gateway: "g")))
    #expect(pass(0, 6).diffs == ["-bob"])
  }

  @Test("a goodbye takes the gateway's connections along")
  mutating func goodbye() {
    _ = state.apply(.operations("g", 1, .join(Examples.session("c"))), now: .zero)
    _ = state.apply(PresenceReport(gateway: "g", sequence: 2, body: .goodbye), now: .zero)
    #expect(state.knownGateways.isEmpty)
    #expect(pass(0, 6).diffs == ["-ann"])
  }

  @Test("a clock that jumps ends no grace: far ahead counts one step, backwards nothing")
  mutating func clockJumps() {
    _ = state.apply(
      .operations(
        "g", 1, .join(Examples.session("c")), .leave(group: Examples.group, connectionID: "c")),
      now: .seconds(1_000))
    #expect(state.tick(now: .seconds(1_000_000_000)).diffs == [])
    #expect(state.tick(now: .seconds(-1_000_000_000)).diffs == [])
    #expect(pass(-1_000_000_000, -999_999_996.5).diffs == [])
    #expect(pass(-999_999_996.5, -999_999_996).diffs == ["-ann"])
  }

  @Test("members are ordered by when they joined, also after loading")
  mutating func orderOfMembers() throws {
    var changes: [PresenceChange] = []
    for (number, name) in ["zoe", "ann", "max"].enumerated() {
      changes += state.apply(
        .operations(
          "g", UInt64(number + 1), .join(Examples.session(name, User(id: name, name: nil)))),
        now: .zero)
    }
    #expect(state.members(of: Examples.group).map(\.user.id) == ["zoe", "ann", "max"])
    var storage = PresenceStorage()
    storage.apply(changes)
    let loaded = storage.load(grace: .seconds(5), now: .zero).state
    #expect(loaded.members(of: Examples.group) == state.members(of: Examples.group))
  }

  @Test("users of a lost state who are reported again are not announced, those who are not leave")
  mutating func adoption() {
    _ = state.apply(
      .operations(
        "g", 1, .join(Examples.session("c1")), .join(Examples.session("c2", Examples.bob))),
      now: .zero)
    let previous = state
    state = PresenceState(grace: .seconds(5))
    #expect(state.adopt(previous, allowance: .seconds(5), now: .zero).diffs == [])
    #expect(state.apply(.snapshot("g", 7, Examples.session("c1")), now: .zero).diffs == [])
    #expect(pass(0, 9.5).diffs == [])
    #expect(pass(9.5, 10).diffs == ["-bob"])
  }
}

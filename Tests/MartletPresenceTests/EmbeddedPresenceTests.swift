import MartletBackplane
import MartletCore
import MartletPresence
import MartletTestSupport
import NIOCore
import NIOPosix
import Testing

@Suite("Embedded presence")
struct EmbeddedPresenceTests {
  private let collector = DiffCollector()
  private let presence: EmbeddedPresence
  private let backplane: InMemoryBackplane

  init() {
    let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator())
    backplane = InMemoryBackplane(shards: ShardMap(count: 4), eventLoops: loops)
    backplane.start(delivering: collector)
    var rules = PresenceRules()
    rules.grace = .milliseconds(300)
    rules.batch = .milliseconds(50)
    rules.awayAfter = .seconds(600)
    presence = EmbeddedPresence(backplane: backplane, rules: rules)
    presence.start()
  }

  @Test("members are told of a user's first connection and of the last one's end")
  func joinAndLeave() async throws {
    presence.join(Examples.session("c1"))
    presence.join(Examples.session("c2"))
    presence.join(Examples.session("c3", Examples.bob))
    let page = try await presence.members(of: Examples.group, page: .init(limit: 10)).get()
    #expect(page.count == 2 && page.next == nil)
    #expect(Set(page.members.map { "\($0.userID):\($0.connections)" }) == ["ann:2", "bob:1"])
    // Who is gone before the group was told is not mentioned.
    try await eventually("both are announced") { collector.diffs == ["+ann", "+bob"] }
    presence.leave(Examples.session("c1"))
    presence.leave(Examples.session("c3", Examples.bob))
    try await eventually("bob's leave is announced") { collector.diffs.last == "-bob" }
    #expect(collector.diffs == ["+ann", "+bob", "-bob"])
    #expect(try await presence.unreadiness().get() == [])
    try await presence.stop().get()
  }

  @Test("a reconnect within the grace is not announced")
  func reconnect() async throws {
    // In one turn of the loop, or a busy machine could take longer than the grace in between.
    let shard = backplane.shards.shard(of: Examples.group)
    try await backplane.eventLoop(ofShard: shard).submit { [presence] in
      presence.join(Examples.session("c1"))
      presence.leave(Examples.session("c1"))
      presence.join(Examples.session("c2"))
    }.get()
    // Bob's whole life takes longer than ann's grace.
    presence.join(Examples.session("c3", Examples.bob))
    try await eventually("bob is announced") { collector.diffs.last == "+bob" }
    presence.leave(Examples.session("c3", Examples.bob))
    try await eventually("bob's leave is announced") { collector.diffs.last == "-bob" }
    #expect(collector.diffs == ["+ann", "+bob", "-bob"])
    try await presence.stop().get()
  }

  @Test("pages are turned from those who were seen last to those who were seen first")
  func pages() async throws {
    for number in 0..<7 {
      presence.join(Examples.session("c\(number)", User(id: "u\(number)", name: nil)))
    }
    var found: [String] = []
    var cursor: MemberPage.Cursor?
    repeat {
      let page = try await presence.members(
        of: Examples.group, page: .init(limit: 3, after: cursor)
      ).get()
      #expect(page.count == 7)
      found += page.members.map(\.userID)
      cursor = page.next
    } while cursor != nil
    #expect(found.count == 7 && Set(found).count == 7)
    let counted = try await presence.members(
      of: Examples.group, page: .init(limit: 3, cap: 6)
    ).get()
    #expect(counted == MemberPage(count: 7, members: [], next: nil))
    try await presence.stop().get()
  }

  @Test("a user is known across groups, and a status in all of them")
  func users() async throws {
    let home = HomeUser(user: Examples.ann, tenant: nil)
    let other = GroupName(trusted: "hall")
    presence.join(Examples.session("c1", meta: #"{"page":"x"}"#))
    presence.join(Examples.session("c2", in: other))
    try await presence.choose(.doNotDisturb, for: home).get()
    try await eventually("both groups are told") {
      collector.diffs.count { $0 == "ann=do_not_disturb" } == 2
    }
    let user = try await presence.users([home.key]).get()[0]
    #expect(user.status == .doNotDisturb && user.sessionStart != nil && user.lastSeen != nil)
    #expect(Set(user.places.map(\.connectionID)) == ["c1", "c2"])
    #expect(user.places.contains { $0.json.contains(#""meta":{"page":"x"}"#) })
    let page = try await presence.members(of: other, page: .init(limit: 9)).get()
    #expect(page.members.map(\.status) == [.doNotDisturb])
    presence.leave(Examples.session("c1"))
    presence.leave(Examples.session("c2", in: other))
    try await eventually("ann is offline") {
      try await presence.users([home.key]).get()[0].status == .offline
    }
    try await eventually("nobody is left") {
      try await presence.counts(of: [Examples.group, other]).get() == [0, 0]
    }
    try await presence.stop().get()
  }
}

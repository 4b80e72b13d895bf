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

  init() {
    let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator())
    let backplane = InMemoryBackplane(shards: ShardMap(count: 4), eventLoops: loops)
    backplane.start(delivering: collector)
    presence = EmbeddedPresence(backplane: backplane, grace: .milliseconds(300))
    presence.start()
  }

  @Test("members are told of a user's first connection and of the last one's end")
  func joinAndLeave() async throws {
    presence.join(Examples.session("c1"))
    presence.join(Examples.session("c2"))
    presence.join(Examples.session("c3", Examples.bob))
    #expect(
      try await presence.members(of: Examples.group).get() == [
        PresenceMember(user: Examples.ann, connections: 2),
        PresenceMember(user: Examples.bob, connections: 1),
      ])
    presence.leave(group: Examples.group, connectionID: "c1")
    presence.leave(group: Examples.group, connectionID: "c3")
    try await eventually("bob's leave is announced") { collector.diffs.last == "-bob" }
    #expect(collector.diffs == ["+ann", "+bob", "-bob"])
    #expect(try await presence.unreadiness().get() == [])
    try await presence.stop().get()
  }

  @Test("a reconnect within the grace is not announced")
  func reconnect() async throws {
    presence.join(Examples.session("c1"))
    presence.leave(group: Examples.group, connectionID: "c1")
    presence.join(Examples.session("c2"))
    // Bob's whole life takes longer than ann's grace.
    presence.join(Examples.session("c3", Examples.bob))
    presence.leave(group: Examples.group, connectionID: "c3")
    try await eventually("bob's leave is announced") { collector.diffs.last == "-bob" }
    #expect(collector.diffs == ["+ann", "+bob", "-bob"])
    try await presence.stop().get()
  }
}

import MartletCore
import MartletTestSupport
import NIOCore
import Testing

@testable import MartletPresence

@Suite("Presence of a cluster", .timeLimit(.minutes(2)))
struct RedisPresenceTests {
  @Test("a user with connections to two gateways is one member, announced once")
  func secondTab() async throws {
    let cluster = try await PresenceCluster()
    let aggregator = cluster.aggregator()
    let (first, second) = (cluster.gateway(), cluster.gateway())
    first.service.join(Examples.session("c1"))
    second.service.join(Examples.session("c1"))
    second.service.join(Examples.session("c2", Examples.bob))
    try await eventually("both gateways see all") {
      let (seen, alike) = (try? await first.members, try? await second.members)
      return seen.map(Set.init) == ["ann:2", "bob:1"] && seen == alike
    }
    // Somebody who leaves before being announced is never mentioned.
    try await eventually("both are announced") { cluster.collector.diffs.count == 2 }
    first.service.leave(Examples.session("c1"))
    second.service.leave(Examples.session("c2", Examples.bob))
    try await eventually("bob's leave is announced") { cluster.collector.diffs.last == "-bob" }
    #expect(cluster.collector.diffs.sorted() == ["+ann", "+bob", "-bob"])
    #expect(try await first.members == ["ann:1"])
    let statistics = try await aggregator.statistics
    #expect(statistics.ownedShards == PresenceCluster.shards)
    #expect(statistics.groups == 1 && statistics.members == 1 && statistics.diffsSent == 3)
    #expect(try await aggregator.service.unreadiness().get() == [])
    #expect(try await first.service.unreadiness().get() == [])
    try await first.service.stop().get()
    try await second.service.stop().get()
    try await aggregator.service.stop().get()
    try await cluster.end()
  }

  @Test("a reconnect to another gateway within the grace is not announced, also after a stop")
  func reconnectElsewhere() async throws {
    let cluster = try await PresenceCluster()
    // A busy machine has to bring ann to the other gateway within it.
    let aggregator = cluster.aggregator { $0.rules.grace = .seconds(4) }
    let (first, second) = (cluster.gateway(), cluster.gateway())
    first.service.join(Examples.session("c1"))
    first.service.join(Examples.session("c2", Examples.bob))
    try await eventually("both are announced") { cluster.collector.diffs.count == 2 }
    try await first.service.stop().get()
    second.service.join(Examples.session("c9"))
    try await eventually("bob's leave is announced") { cluster.collector.diffs.last == "-bob" }
    #expect(cluster.collector.diffs.sorted() == ["+ann", "+bob", "-bob"])
    try await second.service.stop().get()
    try await eventually("ann's leave is announced") { cluster.collector.diffs.last == "-ann" }
    try await aggregator.service.stop().get()
    try await cluster.end()
  }

  @Test("the members of a dead gateway leave after lease and grace; if it lives, they come back")
  func deadGateway() async throws {
    let cluster = try await PresenceCluster()
    let lease = Duration.milliseconds(1_500)
    let aggregator = cluster.aggregator { $0.lease = lease }
    let first = cluster.gateway { $0.lease = lease }
    let second = cluster.gateway { $0.lease = lease }
    first.service.join(Examples.session("c1"))
    second.service.join(Examples.session("c1", Examples.bob))
    try await eventually("both are announced") { cluster.collector.diffs.count == 2 }
    let died = ContinuousClock.now
    let resume = first.pause()
    try await eventually("ann's leave is announced") { cluster.collector.diffs.last == "-ann" }
    #expect(ContinuousClock.now - died > lease)
    #expect(try await second.members == ["bob:1"])
    #expect(try await aggregator.statistics.gatewaysReaped > 0)
    resume()
    try await eventually("ann comes back") { cluster.collector.diffs.last == "+ann" }
    try await eventually("both are listed") {
      try await second.members == ["ann:1", "bob:1"]
    }
    try await first.service.stop().get()
    try await second.service.stop().get()
    try await aggregator.service.stop().get()
    try await cluster.end()
  }

  @Test("reports wait for Redis, and for an aggregator")
  func everythingLate() async throws {
    let cluster = try await PresenceCluster(isRunning: false)
    let gateway = cluster.gateway()
    gateway.service.join(Examples.session("c1"))
    gateway.service.join(Examples.session("c2", Examples.bob))
    gateway.service.leave(Examples.session("c2", Examples.bob))
    #expect(try await gateway.service.unreadiness().get().count == 1)
    await #expect(throws: (any Error).self) { try await gateway.members }
    try await cluster.startRedis()
    try await eventually("the gateway is ready") {
      try await gateway.service.unreadiness().get().isEmpty
    }
    let aggregator = cluster.aggregator()
    let other = cluster.gateway()
    try await eventually("ann is seen elsewhere") { (try? await other.members) == ["ann:1"] }
    try await gateway.service.stop().get()
    try await other.service.stop().get()
    try await aggregator.service.stop().get()
    try await cluster.end()
  }

  /// How a Redis may forget.
  enum Loss: CaseIterable {
    case restart
    /// No connection is lost.
    case flush
  }

  @Test(
    "when Redis loses everything the members come back, and nobody is announced again",
    arguments: Loss.allCases)
  func redisLosesEverything(loss: Loss) async throws {
    let cluster = try await PresenceCluster()
    let aggregator = cluster.aggregator()
    let (first, second) = (cluster.gateway(), cluster.gateway())
    first.service.join(Examples.session("c1"))
    second.service.join(Examples.session("c1", Examples.bob))
    try await eventually("both are announced") { cluster.collector.diffs.count == 2 }
    switch loss {
    case .restart: try await cluster.restartRedisEmpty()
    case .flush: try await cluster.flushRedis()
    }
    try await eventually("the aggregator has noticed", within: .seconds(30)) {
      try await cluster.hasPersisted(Examples.group)
    }
    try await eventually("both are seen by both", within: .seconds(30)) {
      let (seen, alike) = (try? await first.members, try? await second.members)
      return seen.map(Set.init) == ["ann:1", "bob:1"] && alike.map(Set.init) == ["ann:1", "bob:1"]
    }
    second.service.leave(Examples.session("c1", Examples.bob))
    try await eventually("bob's leave is announced") { cluster.collector.diffs.last == "-bob" }
    #expect(cluster.collector.diffs.sorted() == ["+ann", "+bob", "-bob"])
    try await first.service.stop().get()
    try await second.service.stop().get()
    try await aggregator.service.stop().get()
    try await cluster.end()
  }

  @Test("reports that the stream has no room for give way to a snapshot")
  func fullStream() async throws {
    let cluster = try await PresenceCluster()
    let gateway = cluster.gateway {
      $0.maximumReports = 3
      $0.reportInterval = .milliseconds(1)
    }
    try await eventually("the gateway is ready") {
      try await gateway.service.unreadiness().get().isEmpty
    }
    for number in 0..<20 {
      let session = Examples.session("c\(number)", User(id: "u\(number)", name: nil))
      gateway.service.join(session)
      if number < 10 { gateway.service.leave(session) }
      try await Task.sleep(for: .milliseconds(5))  // So that they travel in reports of their own.
    }
    let aggregator = cluster.aggregator()
    let other = cluster.gateway()
    let expected = Set((10..<20).map { "u\($0):1" })
    try await eventually("those who stayed are seen elsewhere") {
      ((try? await other.members.filter { $0.hasSuffix(":1") }).map(Set.init)) == expected
    }
    try await gateway.service.stop().get()
    try await other.service.stop().get()
    try await aggregator.service.stop().get()
    try await cluster.end()
  }

  // MARK: Questions

  @Test("pages are turned from those who were seen last to those who were seen first")
  func pages() async throws {
    let cluster = try await PresenceCluster()
    let aggregator = cluster.aggregator()
    let (first, second) = (cluster.gateway(), cluster.gateway())
    let users = (0..<9).map { User(id: "a strange id \($0).\t", name: nil) }
    for (number, user) in users.enumerated() {
      first.service.join(Examples.session("c\(number)", user))
    }
    try await eventually("all are there") {
      try await second.service.counts(of: [Examples.group]).get() == [9]
    }
    // Users who are active move to the front.
    for number in [4, 2] {
      try await eventually("the active one is first") {
        first.service.seen(Examples.session("c\(number)", users[number]), age: .zero)
        let page = try await second.service.members(
          of: Examples.group, page: .init(limit: 1)
        ).get()
        return page.members.first?.userID == users[number].id
      }
    }
    var found: [String] = []
    var cursor: MemberPage.Cursor?
    repeat {
      let page = try await second.service.members(
        of: Examples.group, page: .init(limit: 4, after: cursor)
      ).get()
      #expect(page.count == 9)
      found += page.members.map(\.userID)
      cursor = page.next
    } while cursor != nil
    #expect(found.prefix(2) == [users[2].id, users[4].id])
    #expect(found.count == 9 && Set(found) == Set(users.map(\.id)))
    let counted = try await second.service.members(
      of: Examples.group, page: .init(limit: 4, cap: 8)
    ).get()
    #expect(counted == MemberPage(count: 9, members: [], next: nil))
    let unknown = try await second.service.members(
      of: GroupName(trusted: "nobody"), page: .init(limit: 4)
    ).get()
    #expect(unknown == MemberPage(count: 0, members: [], next: nil))
    try await first.service.stop().get()
    try await second.service.stop().get()
    try await aggregator.service.stop().get()
    try await cluster.end()
  }

  @Test("a user is known across groups and gateways, with status and what was seen last")
  func users() async throws {
    let cluster = try await PresenceCluster()
    let aggregator = cluster.aggregator()
    let (first, second) = (cluster.gateway(), cluster.gateway())
    let home = HomeUser(user: Examples.ann, tenant: nil)
    let hall = GroupName(trusted: "hall")
    first.service.join(
      PresenceSession(
        group: Examples.group, connectionID: "c1", user: Examples.ann, meta: #"{"page":"x"}"#,
        origin: #"{"ip":"::1"}"#))
    second.service.join(Examples.session("c2", in: hall))
    try await eventually("both connections are known") {
      try await first.service.users([home.key]).get()[0].places.count == 2
    }
    try await second.service.choose(.doNotDisturb, for: home).get()
    try await eventually("both groups are told") {
      cluster.collector.diffs.count { $0 == "ann=do_not_disturb" } == 2
    }
    var user = try await first.service.users([home.key]).get()[0]
    #expect(user.status == .doNotDisturb && user.sessionStart != nil)
    #expect(
      user.places.contains { $0.json.contains(#""meta":{"page":"x"},"ip":"::1""#) })
    for group in [Examples.group, hall] {
      let page = try await first.service.members(of: group, page: .init(limit: 9)).get()
      #expect(page.members.map(\.status) == [.doNotDisturb])
    }
    first.service.leave(Examples.session("c1"))
    second.service.leave(Examples.session("c2", in: hall))
    try await eventually("ann is offline") {
      user = try await first.service.users([home.key]).get()[0]
      return user.status == .offline
    }
    #expect(user.places == [] && user.sessionStart == nil && user.lastSeen != nil)
    let lastSeen = user.lastSeen
    // Or the status that was shown before would pass for the one that is shown again.
    try await eventually("both groups are told that ann has left") {
      cluster.collector.diffs.count { $0 == "-ann" } == 2
    }
    // A new daemon knows what the former one knew.
    try await aggregator.service.stop().get()
    let successor = cluster.aggregator()
    second.service.join(Examples.session("c3"))
    try await eventually("the status is shown again") {
      cluster.collector.diffs.last == "ann=do_not_disturb"
    }
    user = try await first.service.users([home.key]).get()[0]
    #expect(user.status == .doNotDisturb && user.lastSeen ?? 0 > lastSeen ?? 0)
    try await first.service.stop().get()
    try await second.service.stop().get()
    try await successor.service.stop().get()
    try await cluster.end()
  }

  @Test("a choice that cannot be kept is refused")
  func choiceWithoutRedis() async throws {
    let cluster = try await PresenceCluster(isRunning: false)
    let gateway = cluster.gateway()
    await #expect(throws: (any Error).self) {
      try await gateway.service.choose(
        .away, for: HomeUser(user: Examples.ann, tenant: nil)
      ).get()
    }
    try await gateway.service.stop().get()
    try await cluster.end()
  }

  @Test("the members of a draining gateway have its grace to come back")
  func drain() async throws {
    let cluster = try await PresenceCluster()
    // Within it cy has to leave and ann to come back, also on a busy machine.
    let aggregator = cluster.aggregator { $0.rules.drainGrace = .seconds(5) }
    let (first, second) = (cluster.gateway(), cluster.gateway())
    first.service.join(Examples.session("c1"))
    first.service.join(Examples.session("c2", Examples.bob))
    second.service.join(Examples.session("c1", User(id: "cy", name: nil)))
    try await eventually("all are announced") { cluster.collector.diffs.count == 3 }
    first.service.beginDrain()
    first.service.leave(Examples.session("c1"))
    second.service.leave(Examples.session("c1", User(id: "cy", name: nil)))
    try await first.service.stop().get()
    // cy's plain grace is over, ann's and bob's is not.
    try await eventually("cy's leave is announced") { cluster.collector.diffs.last == "-cy" }
    second.service.join(Examples.session("c3"))
    try await eventually("bob's leave is announced") { cluster.collector.diffs.last == "-bob" }
    #expect(cluster.collector.diffs.count == 5)
    try await second.service.stop().get()
    try await aggregator.service.stop().get()
    try await cluster.end()
  }

  @Test("a group above the cap is told its count")
  func cap() async throws {
    let cluster = try await PresenceCluster()
    let aggregator = cluster.aggregator { $0.rules.cap = 5 }
    let gateway = cluster.gateway()
    for number in 0..<20 {
      gateway.service.join(Examples.session("c\(number)", User(id: "u\(number)", name: nil)))
    }
    try await eventually("the count is told") { cluster.collector.diffs.last == "#20" }
    let statistics = try await aggregator.statistics
    #expect(statistics.members == 20 && statistics.diffsCoalesced > 0)
    for number in 3..<20 {
      gateway.service.leave(Examples.session("c\(number)", User(id: "u\(number)", name: nil)))
    }
    // On a busy machine the last ones may leave by name.
    try await eventually("names are told again") {
      let isListed = cluster.collector.diffs.contains { $0 == "#3" || $0 == "#4" || $0 == "#5" }
      let count = try await gateway.service.counts(of: [Examples.group]).get()
      return isListed && count == [3]
    }
    gateway.service.join(Examples.session("d", Examples.ann))
    try await eventually("ann is named") { cluster.collector.diffs.last == "+ann" }
    try await gateway.service.stop().get()
    try await aggregator.service.stop().get()
    try await cluster.end()
  }
}

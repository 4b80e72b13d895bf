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
    first.service.leave(group: Examples.group, connectionID: "c1")
    second.service.leave(group: Examples.group, connectionID: "c2")
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

  @Test("a gateway sees its own joins and leaves at once, also without an aggregator")
  func ownReports() async throws {
    let cluster = try await PresenceCluster()
    let gateway = cluster.gateway()
    try await eventually("the gateway is ready") {
      try await gateway.service.unreadiness().get().isEmpty
    }
    gateway.service.join(Examples.session("c1"))
    #expect(try await gateway.members == ["ann:1"])
    gateway.service.leave(group: Examples.group, connectionID: "c1")
    #expect(try await gateway.members == [])
    try await gateway.service.stop().get()
    try await cluster.end()
  }

  @Test("a reconnect to another gateway within the grace is not announced, also after a stop")
  func reconnectElsewhere() async throws {
    let cluster = try await PresenceCluster()
    let aggregator = cluster.aggregator()
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
    let aggregator = cluster.aggregator()
    let (first, second) = (cluster.gateway(), cluster.gateway())
    first.service.join(Examples.session("c1"))
    second.service.join(Examples.session("c1", Examples.bob))
    try await eventually("both are announced") { cluster.collector.diffs.count == 2 }
    let died = ContinuousClock.now
    let resume = first.pause()
    try await eventually("ann's leave is announced") { cluster.collector.diffs.last == "-ann" }
    let elapsed = ContinuousClock.now - died
    #expect(elapsed > .milliseconds(1_500) && elapsed < .milliseconds(1_500 + 500 + 2_000))
    #expect(try await second.members == ["bob:1"])
    #expect(try await aggregator.statistics.gatewaysReaped > 0)
    resume()
    try await eventually("ann comes back") { cluster.collector.diffs.last == "+ann" }
    try await eventually("both are listed") {
      try await second.members == ["bob:1", "ann:1"]
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
    gateway.service.leave(group: Examples.group, connectionID: "c2")
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
    second.service.leave(group: Examples.group, connectionID: "c1")
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
      gateway.service.join(Examples.session("c\(number)", User(id: "u\(number)", name: nil)))
      if number < 10 { gateway.service.leave(group: Examples.group, connectionID: "c\(number)") }
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
}

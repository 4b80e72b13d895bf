import MartletCore
import MartletTestSupport
import Testing

/// One cluster at a time: six processes want a processor within the node timeout.
@Suite(.serialized) struct RedisClusterProcessTests {
  private typealias Node = RedisClusterProcess.Node

  /// Keys of one slot, with values.
  private func fill(_ node: Node, count: Int, tag: String = "t") async throws {
    let replies = try await RedisTestClient.send(
      (0..<count).map { ["SET", "{\(tag)}\($0)", "\($0)"] }, to: node.server)
    try #require(replies.allSatisfy { $0 == .text("OK") })
  }

  /// How many of the keys `node` has, with their values.
  private func count(_ node: Node, of count: Int, tag: String = "t") async throws -> Int {
    let replies = try await RedisTestClient.send(
      (0..<count).map { ["GET", "{\(tag)}\($0)"] }, to: node.server)
    return replies.enumerated().count { $0.element == .text("\($0.offset)") }
  }

  @Test func `A cluster starts with all slots served and replicas in sync`() async throws {
    let cluster = try await RedisClusterProcess.start()
    #expect(cluster.seeds.count == 6)
    for slot in [0, 5_460, 5_461, 10_922, 10_923, RedisClusterProcess.slotCount - 1] {
      let master = try await cluster.master(ofSlot: slot)
      let replica = try await cluster.replica(ofMaster: master)
      #expect(cluster.nodes[..<3].contains { $0 === master })
      #expect(cluster.nodes[3...].contains { $0 === replica })
    }
    for node in cluster.nodes {
      #expect(node.server.port + 10_000 < 32_000)
      #expect(try await node.command("CLUSTER", "INFO").text?.contains("slots_ok:16384") == true)
    }
    let slot = try await cluster.slot(ofKey: "k{t}")
    #expect(slot == 15_891)
    let stranger = try #require(cluster.nodes.first { $0 === cluster.nodes[0] })
    let error = await #expect(throws: RedisTestClient.ErrorReply.self) {
      try await stranger.command("SET", "k{t}", "v")
    }
    #expect(error?.text.hasPrefix("MOVED 15891 127.0.0.1:") == true)
  }

  @Test func `Counts are as asked for, with a password too`() async throws {
    let cluster = try await RedisClusterProcess.start(
      masters: 3, replicas: 0, password: "secret")
    #expect(cluster.nodes.count == 3)
    let slot = try await cluster.slot(ofKey: "{t}")
    let master = try await cluster.master(ofSlot: slot)
    #expect(try await cluster.replicas(ofMaster: master).isEmpty)
    try await fill(master, count: 10)
    let target = try #require(cluster.nodes.first { $0 !== master })
    try await cluster.moveSlot(slot, to: target)
    #expect(try await count(target, of: 10) == 10)
  }

  @Test func `No node and no port is left behind`() async throws {
    var cluster: RedisClusterProcess? = try await .start(masters: 3, replicas: 0)
    let ports = cluster?.seeds.map(\.port) ?? []
    cluster = nil
    for port in ports { #expect(await !FreePort.accepts(port)) }
  }

  @Test func `A killed master is replaced by its replica, and returns as one`() async throws {
    let cluster = try await RedisClusterProcess.start()
    let slot = try await cluster.slot(ofKey: "{t}")
    let old = try await cluster.master(ofSlot: slot)
    let replica = try await cluster.replica(ofMaster: old)
    try await fill(old, count: 100)
    try await cluster.waitUntilStable()
    cluster.kill(old)
    let new = try await cluster.waitForNewMaster(ofSlot: slot, not: old)
    #expect(new === replica)
    #expect(try await count(new, of: 100) == 100)
    try await cluster.waitUntilStable()
    try await cluster.restart(old)
    try await cluster.waitUntilStable()
    #expect(try await cluster.replica(ofMaster: new) === old)
  }

  @Test func `A frozen master is replaced, and follows when it goes on`() async throws {
    let cluster = try await RedisClusterProcess.start()
    let old = try await cluster.master(ofSlot: 0)
    cluster.freeze(old)
    let new = try await cluster.waitForNewMaster(ofSlot: 0, not: old)
    cluster.thaw(old)
    try await cluster.waitUntilStable()
    #expect(try await cluster.master(ofSlot: 0) === new)
    #expect(try await cluster.replica(ofMaster: new) === old)
  }

  @Test func `A replica takes over by command, there and back`() async throws {
    let cluster = try await RedisClusterProcess.start()
    let slot = try await cluster.slot(ofKey: "{t}")
    let first = try await cluster.master(ofSlot: slot)
    try await fill(first, count: 100)
    var master = first
    for failover in RedisClusterProcess.Failover.allCases {
      try await cluster.waitUntilStable()
      let replica = try await cluster.replica(ofMaster: master)
      let new = try await cluster.failOver(slot: slot, failover)
      #expect(new === replica)
      #expect(try await count(new, of: 100) == 100)
      master = new
    }
    #expect(master !== first)
  }

  @Test func `A slot moves with a thousand keys and loses none`() async throws {
    let cluster = try await RedisClusterProcess.start()
    let slot = try await cluster.slot(ofKey: "{t}")
    let source = try await cluster.master(ofSlot: slot)
    let target = try await cluster.master(ofSlot: 0)
    try #require(source !== target)
    try await fill(source, count: 1_000)
    try await cluster.moveSlot(slot, to: target)
    #expect(try await cluster.master(ofSlot: slot) === target)
    #expect(try await count(target, of: 1_000) == 1_000)
    #expect(try await source.command("DBSIZE") == .number(0))
    await #expect(throws: RedisTestClient.ErrorReply.self) {
      try await source.command("GET", "{t}1")
    }
    try await cluster.waitUntilStable()
    try await cluster.moveSlot(slot, to: source)
    #expect(try await count(source, of: 1_000) == 1_000)
  }

  @Test func `A half-moved slot asks and tries again`() async throws {
    let cluster = try await RedisClusterProcess.start(replicas: 0)
    let slot = try await cluster.slot(ofKey: "{t}")
    let source = try await cluster.master(ofSlot: slot)
    let target = try await cluster.master(ofSlot: 0)
    try await fill(source, count: 1_000)
    let move = try await cluster.beginMove(ofSlot: slot, to: target)
    try await move.moveHalf()
    #expect(try await move.remainingKeys() == 500)
    // ASKING holds for one command.
    let commands = (0..<1_000).map { ["GET", "{t}\($0)"] }
    let kept = try await RedisTestClient.send(commands, to: source.server)
    let moved = try await RedisTestClient.send(
      commands.flatMap { [["ASKING"], $0] }, to: target.server)
    for number in 0..<1_000 {
      let isMoved = kept[number] == .error("ASK \(slot) \(target.server)")
      #expect(isMoved || kept[number] == .text("\(number)"))
      #expect(moved[number * 2 + 1] == (isMoved ? .text("\(number)") : .null))
    }
    let left = try #require(kept.firstIndex { $0.text != nil })
    let gone = try #require(kept.firstIndex { $0.error != nil })
    let both = try await RedisTestClient.send(
      [["ASKING"], ["MGET", "{t}\(left)", "{t}\(gone)"]], to: target.server)
    #expect(both[1].error?.hasPrefix("TRYAGAIN") == true)
    try await move.finish()
    #expect(try await count(target, of: 1_000) == 1_000)
    #expect(try await source.command("DBSIZE") == .number(0))
  }

  @Test func `Nodes keep their data through a restart if they write it down`() async throws {
    let cluster = try await RedisClusterProcess.start(
      replicas: 0, arguments: ["--appendonly", "yes", "--appendfsync", "always"])
    let slot = try await cluster.slot(ofKey: "{t}")
    let master = try await cluster.master(ofSlot: slot)
    try await fill(master, count: 100)
    cluster.kill(master)
    try await cluster.restart(master)
    try await cluster.waitUntilStable()
    #expect(try await count(master, of: 100) == 100)
  }
}

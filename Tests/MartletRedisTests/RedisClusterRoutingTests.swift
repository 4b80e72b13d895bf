import Logging
import MartletCore
import MartletTestSupport
import NIOCore
import NIOPosix
import Testing

@testable import MartletRedis

/// How requests find the owner of their slot while owners change: a Redis Cluster of its own for each test.
@Suite(.serialized) struct RedisClusterRoutingTests {
  private let append = RedisScript(
    name: "append", source: "return redis.call('RPUSH', KEYS[1], ARGV[1])")

  private func client(
    _ cluster: RedisClusterProcess, keys: [String], patience: TimeAmount,
    replicaTimeout: TimeAmount? = nil
  ) async throws -> RedisClient {
    var configuration = RedisClient.Configuration(
      site: .cluster(seeds: cluster.seeds), name: "test", replyTimeout: .seconds(10))
    configuration.keys = keys
    configuration.patience = patience
    configuration.replicaTimeout = replicaTimeout
    let client = RedisClient(
      configuration, on: MultiThreadedEventLoopGroup.singleton.next(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    client.start()
    try await eventually("the client is connected") { try await client.unreadiness().get().isEmpty }
    return client
  }

  /// Another master than that of `slot`.
  private func target(
    _ cluster: RedisClusterProcess, for slot: Int
  ) async throws -> RedisClusterProcess.Node {
    let source = try await cluster.master(ofSlot: slot)
    return try #require(cluster.nodes.prefix(3).first { $0 !== source })
  }

  @Test func `What waits until a slot has moved keeps its order`() async throws {
    let cluster = try await RedisClusterProcess.start(masters: 3, replicas: 0)
    let client = try await client(cluster, keys: ["{a}"], patience: .seconds(60))
    let slot = try await cluster.slot(ofKey: "{a}")
    // It takes long to arrive.
    let padding = ByteBuffer(repeating: 0x20, count: 60 << 20)
    for round in 1...3 {
      // They do not exist: none of what follows is executed while the slot moves.
      let keys = ["{a}list\(round)", "{a}nothing"]
      let target = try await target(cluster, for: slot)
      let move = try await cluster.beginMove(ofSlot: slot, to: target)
      try await move.moveKeys()
      let before = try await putOff(target)
      let futures = [[], [.bytes(padding)], []].enumerated().map { number, padding in
        client.evaluate(append, keys: keys, arguments: [.number(Int64(number))] + padding)
      }
      try await eventually("they are put off") { try await putOff(target) >= before + 3 }
      // The worst moment, if it comes: one has just been put off, the next is arriving.
      try? await eventually("one is arriving", within: .milliseconds(300)) {
        let list = try await target.command("CLIENT", "LIST").text ?? ""
        return list.split(separator: " ").contains { field in
          field.hasPrefix("qbuf=") && Int(field.dropFirst(5)) ?? 0 > 1 << 20
        }
      }
      try await target.command("CLUSTER", "SETSLOT", "\(slot)", "NODE", target.id)
      try await move.finish()
      for future in futures { _ = try await future.get() }
      let list = try await client.send(["LRANGE", .text(keys[0]), "0", "-1"], key: keys[0]).get()
      try #require(list.elements?.compactMap(\.number) == [0, 1, 2])
    }
    try await client.stop().get()
  }

  /// How often a node has told a client to try again.
  private func putOff(_ node: RedisClusterProcess.Node) async throws -> Int {
    let info = try await node.command("INFO", "errorstats").text ?? ""
    let line = info.split(whereSeparator: \.isNewline).first { $0.contains("TRYAGAIN:count=") }
    return line?.split(separator: "=").last.flatMap { Int($0) } ?? 0
  }

  @Test func `A slot keeps its order although another one brings a lost script back`() async throws
  {
    let cluster = try await RedisClusterProcess.start(masters: 3, replicas: 0)
    var found: [String] = []
    for number in 0..<100 where found.count < 2 {
      let slot = try await cluster.slot(ofKey: "key\(number)")
      if try await cluster.master(ofSlot: slot) === cluster.nodes[0] {
        found.append("key\(number)")
      }
    }
    let keys = found
    let append = append
    let client = try await client(cluster, keys: keys, patience: .seconds(10))
    _ = try await client.evaluate(append, keys: [keys[0]], arguments: ["known"]).get()
    // It takes long to arrive: what is before it is answered, and sent again, meanwhile.
    let padding = ByteBuffer(repeating: 0x20, count: 48 << 20)
    try await cluster.nodes[0].command("SCRIPT", "FLUSH")
    var futures = try await client.eventLoop.submit {
      [
        client.evaluate(append, keys: [keys[0]], arguments: ["flushed"]),
        client.evaluate(append, keys: [keys[1]], arguments: [.number(0), .bytes(padding)]),
      ]
    }.get()
    for number in 1...500 {
      futures.append(client.evaluate(append, keys: [keys[1]], arguments: [.number(Int64(number))]))
      _ = try await client.unreadiness().get()
    }
    for future in futures { _ = try await future.get() }
    let list = try await client.send(["LRANGE", .text(keys[1]), "0", "-1"], key: keys[1]).get()
    #expect(list.elements?.compactMap(\.number) == (0...500).map { Int64($0) })
    try await client.stop().get()
  }

  @Test func `Requests that wait for replicas follow keys to where they have gone`() async throws {
    let cluster = try await RedisClusterProcess.start()
    let key = "{a}list"
    let client = try await client(
      cluster, keys: [key], patience: .seconds(2), replicaTimeout: .seconds(2))
    _ = try await client.evaluate(append, keys: [key], arguments: ["first"]).get()
    let slot = try await cluster.slot(ofKey: key)
    let move = try await cluster.beginMove(ofSlot: slot, to: try await target(cluster, for: slot))
    try await move.moveKeys()
    let futures = (0..<200).map { number in
      client.evaluate(append, keys: [key], arguments: [.number(number)])
    }
    for (number, future) in futures.enumerated() {
      #expect(try await future.get() == .integer(Int64(number + 2)))
    }
    try await client.stop().get()
  }

  @Test func `A node answers what it was asked although its last slot has gone`() async throws {
    let cluster = try await RedisClusterProcess.start(masters: 3, replicas: 0)
    let keys = try await keyOfEachMaster(cluster)
    let client = try await client(cluster, keys: Array(keys.prefix(2)), patience: .seconds(10))
    // It holds up the connection, so the node cannot say that the slot has gone.
    let asked = client.send(["WAIT", "1", "3000"], key: keys[0])
    try await eventually("the node waits") {
      try await cluster.nodes[0].command("INFO", "clients").text?.contains("blocked_clients:1")
        == true
    }
    for key in keys.prefix(2) {
      try await cluster.moveSlot(try await cluster.slot(ofKey: key), to: cluster.nodes[2])
    }
    // Its redirection makes the client look where the others are.
    _ = try await client.send(["SET", .text(keys[1]), "1"], key: keys[1]).get()
    #expect(try await asked.get() == .integer(0))
    #expect(try await client.send(["GET", .text(keys[0])], key: keys[0]).get() == .null)
    try await client.stop().get()
  }

  /// A key of each of the first masters.
  private func keyOfEachMaster(_ cluster: RedisClusterProcess) async throws -> [String] {
    var keys: [Int: String] = [:]
    for number in 0..<100 where keys.count < 3 {
      let master = try await cluster.master(ofSlot: cluster.slot(ofKey: "key\(number)"))
      let index = try #require(cluster.nodes.firstIndex { $0 === master })
      keys[index] = "key\(number)"
    }
    return try (0..<3).map { try #require(keys[$0]) }
  }

  @Test func `A fail-over is found although no node complains`() async throws {
    let cluster = try await RedisClusterProcess.start(
      arguments: ["--cluster-require-full-coverage", "no"])
    let client = try await client(cluster, keys: ["k"], patience: .seconds(8))
    cluster.kill(try await cluster.master(ofSlot: cluster.slot(ofKey: "k")))
    try await eventually("the loss is noticed") { try await !client.unreadiness().get().isEmpty }
    // There is no other traffic that could be redirected.
    #expect(try await client.send(["SET", "k", "1"], key: "k").get().text == "OK")
    try await client.stop().get()
  }
}

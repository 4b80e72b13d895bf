import Foundation
import MartletCore
import MartletTestSupport
import Testing

@Suite struct RedisServerProcessTests {
  @Test func `Without persistence nothing survives`() async throws {
    let redis = try await RedisServerProcess.start()
    try await redis.command("SET", "k", "v")
    redis.kill()
    #expect(!redis.isAvailable)
    try await redis.restart()
    #expect(try await redis.command("GET", "k") == .null)
  }

  @Test func `A restart with an append-only file keeps the data`() async throws {
    let redis = try await RedisServerProcess.start(
      arguments: ["--appendonly", "yes", "--appendfsync", "always"])
    for number in 0..<100 { try await redis.command("RPUSH", "l", "\(number)") }
    redis.kill()
    await #expect(throws: (any Error).self) { try await redis.command("PING") }
    try await redis.restart()
    let list = try await redis.command("LRANGE", "l", "0", "-1")
    #expect(list == .list((0..<100).map { .text("\($0)") }))
  }

  @Test func `The directory goes with its owner, and the process`() async throws {
    var redis: RedisServerProcess? = try await RedisServerProcess.start()
    let directory = try #require(redis?.directory)
    let port = try #require(redis?.server.port)
    #expect(FileManager.default.fileExists(atPath: directory.path()))
    redis = nil
    #expect(!FileManager.default.fileExists(atPath: directory.path()))
    #expect(await !FreePort.accepts(port))
  }

  @Test(arguments: [nil, "secret"])
  func `A replica is in sync when it has started`(password: String?) async throws {
    let master = try await RedisServerProcess.start(password: password)
    try await master.command("SET", "k", "before")
    let replica = try await RedisServerProcess.start(password: password, replicaOf: master.server)
    #expect(try await replica.command("GET", "k") == .text("before"))
    try await master.command("SET", "k", "after")
    try await replica.waitUntilInSync()
    #expect(try await replica.command("GET", "k") == .text("after"))
    #expect(try await master.info("replication")["connected_slaves"] == "1")
  }

  @Test func `Master and replica change places, and keep them through a restart`() async throws {
    let old = try await RedisServerProcess.start(password: "secret")
    let new = try await RedisServerProcess.start(password: "secret", replicaOf: old.server)
    await #expect(throws: RedisTestClient.ErrorReply.self) {
      try await new.command("SET", "k", "v")
    }
    try await new.promote()
    try await old.demote(toReplicaOf: new.server)
    try await new.command("SET", "k", "v")
    try await old.waitUntilInSync()
    #expect(try await old.command("GET", "k") == .text("v"))
    try await old.restart()
    try await old.waitUntilInSync()
    #expect(try await old.command("GET", "k") == .text("v"))
    try await new.restart()
    #expect(try await new.info("replication")["role"] == "master")
  }

  @Test func `A restarted replica without persistence is empty until it is in sync`() async throws {
    let master = try await RedisServerProcess.start()
    try await master.command("SET", "k", "v")
    let replica = try await RedisServerProcess.start(replicaOf: master.server)
    replica.kill()
    master.kill()
    try await replica.restart()
    #expect(try await replica.command("GET", "k") == .null)
  }

  @Test func `A frozen Redis does not answer, a thawed one does`() async throws {
    let redis = try await RedisServerProcess.start()
    redis.freeze()
    #expect(redis.isFrozen && !redis.isAvailable)
    await #expect(throws: RedisTestClient.Unanswered.self) {
      try await RedisTestClient.send(["PING"], to: redis.server, within: .milliseconds(200))
    }
    redis.thaw()
    #expect(try await redis.command("PING") == .text("PONG"))
  }

  @Test func `Pipelined commands are answered in order, errors among them`() async throws {
    let redis = try await RedisServerProcess.start()
    let replies = try await RedisTestClient.send(
      [["SET", "k", "two\r\nlines"], ["NOSUCH"], ["GET", "k"], ["LRANGE", "none", "0", "-1"]],
      to: redis.server)
    #expect(replies[0] == .text("OK"))
    #expect(replies[1].error?.contains("unknown command") == true)
    #expect(Array(replies[2...]) == [.text("two\r\nlines"), .list([])])
  }
}

import MartletCore
import MartletTestSupport
import Testing

/// What docs/guarantees.md promises of each failure of Redis, under publishers and members that never rest.
@Suite(.serialized) struct RedisFaultTests {
  @Test func `A killed Redis that comes back empty: every member is told`() async throws {
    let redis = try await RedisServerProcess.start()
    let report = try await FaultCluster.run("killed, back empty", on: .servers(redis.server)) {
      cluster in
      redis.kill()
      try await redis.restart()
      try await cluster.progress(by: 5)
    }
    report.expectHonesty()
    #expect(report.lost > 0 && report.toldMembers == report.members)
  }

  @Test func `A killed Redis that comes back with its log: nothing acknowledged is lost`()
    async throws
  {
    let redis = try await RedisServerProcess.start(
      arguments: ["--appendonly", "yes", "--appendfsync", "always"])
    let report = try await FaultCluster.run("killed, back with its log", on: .servers(redis.server))
    { cluster in
      for _ in 0..<2 {
        redis.kill()
        try await redis.restart()
        try await cluster.progress(by: 5)
      }
    }
    report.expectNothingLost()
  }

  @Test func `A Redis that stands still for ten seconds: nothing is lost, nobody is told`()
    async throws
  {
    let redis = try await RedisServerProcess.start()
    let report = try await FaultCluster.run("frozen for 10 s", on: .servers(redis.server)) { _ in
      redis.freeze()
      try await Task.sleep(for: .seconds(10))
      redis.thaw()
    }
    report.expectNothingNoticed()
    #expect(report.refused > 0)
  }

  @Test func `Scripts that are flushed, and readers that are killed: nobody notices`() async throws
  {
    let redis = try await RedisServerProcess.start()
    let report = try await FaultCluster.run("flushed and killed", on: .servers(redis.server)) {
      cluster in
      for _ in 0..<10 {
        _ = try await redis.command("SCRIPT", "FLUSH")
        try await cluster.progress(by: 2)
        for kind in ["normal", "pubsub"] {
          _ = try await redis.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
          try await cluster.progress(by: 2)
        }
      }
    }
    report.expectNothingNoticed()
  }

  @Test func `Streams that are trimmed before they are read: histories fill the gaps`() async throws
  {
    let redis = try await RedisServerProcess.start()
    let report = try await FaultCluster.run("trimmed unread", on: .servers(redis.server)) {
      cluster in
      for _ in 0..<30 {
        let keys = try await redis.command("KEYS", "*:stream").list?.compactMap(\.text) ?? []
        for key in keys { _ = try await redis.command("XTRIM", key, "MAXLEN", "0") }
        try await cluster.progress(by: 1)
      }
    }
    report.expectNothingNoticed()
  }

  @Test func `A primary that is replaced by a replica without the last entries: they are told`()
    async throws
  {
    let primary = try await RedisServerProcess.start()
    let replica = try await RedisServerProcess.start(replicaOf: primary.server)
    let report = try await FaultCluster.run(
      "replaced without the tail", on: .servers(primary.server)
    ) { cluster in
      try await replica.promote()
      // What only the primary has.
      try await cluster.progress(by: 5)
      primary.kill()
      let successor = try await RedisServerProcess.start(
        port: primary.server.port, replicaOf: replica.server)
      try await successor.waitUntilInSync()
      // It answers reads; but nobody may take it for a primary.
      try await Task.sleep(for: .seconds(1))
      try await successor.promote()
      try await cluster.progress(by: 5)
      cluster.keep(successor)
    }
    report.expectHonesty()
    #expect(report.lost > 0 && report.toldMembers == report.members)
  }

  @Test(arguments: [FaultProxy.Fault.blackhole, .stall, .halfOpen, .vanished])
  func `A link that carries nothing, or one way only: nothing is lost, nobody is told`(
    _ fault: FaultProxy.Fault
  ) async throws {
    let redis = try await RedisServerProcess.start()
    let proxy = try await FaultProxy.start(to: "127.0.0.1", port: redis.server.port)
    let address = RedisServer(host: "127.0.0.1", port: proxy.port)
    let report = try await FaultCluster.run("link: \(fault)", on: .servers(address)) { cluster in
      for _ in 0..<2 {
        try await proxy.set(fault)
        try await cluster.refusals()
        try await proxy.set(.pass)
        try await cluster.progress(by: 3)
      }
      for _ in 0..<5 {
        try await proxy.cut()
        try await cluster.progress(by: 3)
      }
    }
    try await proxy.stop()
    report.expectNothingNoticed()
    #expect(report.refused > 0)
  }
}

import MartletCore
import MartletTestSupport
import Testing

/// What docs/guarantees.md promises of each failure in a Redis Cluster, under publishers and members that never rest.
@Suite(.serialized) struct RedisClusterFaultTests {
  private let replicated = FaultCluster.Settings(durability: .replicated)

  @Test func `A master that is killed loses nothing that a replica had to have`() async throws {
    let redis = try await RedisClusterProcess.start()
    let report = try await FaultCluster.run(
      "master killed, replicated", on: .cluster(redis), replicated
    ) { cluster in
      for slot in [500, 15_000] {
        let master = try await redis.master(ofSlot: slot)
        redis.kill(master)
        _ = try await redis.waitForNewMaster(ofSlot: slot, not: master)
        // Back as the replica without which nobody is answered.
        try await redis.restart(master)
        try await cluster.progress(by: 5)
      }
    }
    report.expectNothingLost()
  }

  @Test func `A master that is killed: what was lost is told`() async throws {
    let redis = try await RedisClusterProcess.start()
    let report = try await FaultCluster.run("master killed", on: .cluster(redis)) { cluster in
      let master = try await redis.master(ofSlot: 500)
      redis.kill(master)
      _ = try await redis.waitForNewMaster(ofSlot: 500, not: master)
      try await cluster.progress(by: 5)
      try await redis.restart(master)
    }
    report.expectHonesty()
  }

  @Test func `Masters that hand over to their replicas: nothing is lost`() async throws {
    let redis = try await RedisClusterProcess.start()
    let report = try await FaultCluster.run(
      "coordinated fail-over", on: .cluster(redis), replicated
    ) { cluster in
      for slot in [500, 8_000, 15_000, 500] {
        _ = try await redis.failOver(slot: slot)
        try await cluster.progress(by: 3)
      }
    }
    report.expectNothingLost()
  }

  @Test func `A master that stands still is replaced, and comes back as a replica`() async throws {
    let redis = try await RedisClusterProcess.start()
    let report = try await FaultCluster.run(
      "master frozen for 10 s, replicated", on: .cluster(redis), replicated
    ) { cluster in
      let master = try await redis.master(ofSlot: 8_000)
      redis.freeze(master)
      _ = try await redis.waitForNewMaster(ofSlot: 8_000, not: master)
      try await Task.sleep(for: .seconds(8))
      redis.thaw(master)
      try await cluster.progress(by: 5)
    }
    report.expectNothingLost()
  }

  @Test func `Slots that move under traffic: nothing is lost, nobody is told`() async throws {
    let redis = try await RedisClusterProcess.start()
    let slots = ShardMap(count: 16).tags.map { Int(RedisSlot.of($0)) }
    let report = try await FaultCluster.run("slots moved", on: .cluster(redis)) { cluster in
      for (number, slot) in slots.enumerated() {
        let source = try await redis.master(ofSlot: slot)
        let masters = try await Self.masters(redis)
        guard let target = masters.first(where: { $0.id != source.id }) else { continue }
        let move = try await redis.beginMove(ofSlot: slot, to: target)
        try await move.moveHalf()
        // Some wait for the rest of their keys, within what a publisher is willing to.
        if number % 4 == 0 { try await Task.sleep(for: .milliseconds(300)) }
        try await move.finish()
        try await cluster.progress(by: 1)
      }
    }
    report.expectNothingNoticed()
  }

  private static func masters(
    _ redis: RedisClusterProcess
  ) async throws -> [RedisClusterProcess.Node] {
    var masters: [RedisClusterProcess.Node] = []
    for slot in [500, 8_000, 15_000] { masters.append(try await redis.master(ofSlot: slot)) }
    return masters
  }
}

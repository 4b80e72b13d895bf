import Logging
import MartletCore
import MartletTestSupport
import NIOCore
import NIOPosix
import Testing

@testable import MartletRedis

/// How requests find the owner of their slot while owners change: a Redis Cluster of its own for each test.
@Suite(.serialized) struct RedisClusterRoutingTests {
  private func client(
    _ cluster: RedisClusterProcess, keys: [String], patience: TimeAmount
  ) async throws -> RedisClient {
    var configuration = RedisClient.Configuration(
      site: .cluster(seeds: cluster.seeds), name: "test", replyTimeout: .seconds(10))
    configuration.keys = keys
    configuration.patience = patience
    let client = RedisClient(
      configuration, on: MultiThreadedEventLoopGroup.singleton.next(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    client.start()
    try await eventually("the client is connected") { try await client.unreadiness().get().isEmpty }
    return client
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

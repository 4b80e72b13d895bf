import Foundation
import MartletCore
import MartletTestSupport
import Testing

/// Several real processes, and what happens when one of them ends.
@Suite(.serialized) struct ClusterFaultTests {
  /// Runs the load generator over all gateways; `fault` happens while clients publish.
  private func loadTest(
    _ cluster: ProcessCluster, seconds: Int, fault: () async throws -> Void
  ) async throws -> (status: Int32, output: String) {
    let targets = cluster.gateways.map { "ws://127.0.0.1:\($0.clientPort)" }
    let process = try ProgramProcess(
      ProgramProcess.built("martlet-loadtest"),
      [
        "run", "--target", targets.joined(separator: ","), "--clients", "90", "--groups", "9",
        "--rate", "5", "--size", "160", "--duration", "\(seconds)s", "--ramp", "500ms", "--grace",
        "30s",
      ])
    let gateway = cluster.gateways[0]
    try await eventually("clients publish") {
      let metrics = try await HTTPTestClient.request(port: gateway.adminPort, "/metrics").body
      return metrics.split(separator: "\n").contains { line in
        line.hasPrefix("martlet_publications_total ")
          && (Int(line.split(separator: " ")[1]) ?? 0) > 100
      }
    }
    try await fault()
    return (try await process.status(within: .seconds(120)), process.output)
  }

  @Test func `A publication over HTTP to one gateway reaches members on the others`() async throws {
    let cluster = try await ProcessCluster.start()
    var clients: [WebSocketTestClient] = []
    for index in 0..<3 {
      let client = try await cluster.join(index, "/ws/room/7/")
      _ = try await client.message(ofType: "connection_established")
      clients.append(client)
    }
    let answer = try await cluster.publish(0, "room_7", #"{"type":"project_updated","v":1}"#)
    #expect(answer.status == 200)
    for client in clients {
      let message = try await client.message(ofType: "project_updated")
      #expect(message.number("offset") == 1 && message.number("v") == 1)
    }
  }

  @Test func `On a Redis Cluster masters hand over under load, and presence goes on`() async throws
  {
    let redis = try await RedisClusterProcess.start()
    let cluster = try await ProcessCluster.start(on: redis)
    let ann = try await cluster.join(0, "/ws/room/7/?name=Ann")
    _ = try await ann.message(ofType: "connection_established")
    let (status, output) = try await loadTest(cluster, seconds: 6) {
      for slot in [500, 8_000, 15_000] { _ = try await redis.failOver(slot: slot) }
    }
    #expect(status == 0, "\(output)")
    let ben = try await cluster.join(1, "/ws/room/7/?name=Ben")
    _ = try await ben.message(ofType: "connection_established")
    for index in 0..<2 {
      try await eventually("both are known everywhere") {
        try await cluster.members(index, "room_7").sorted() == ["Ann", "Ben"]
      }
    }
    await ben.abort()
    try await eventually("Ben is gone everywhere") {
      let first = try await cluster.members(0, "room_7")
      let second = try await cluster.members(1, "room_7")
      return first == ["Ann"] && second == ["Ann"]
    }
    await ann.abort()
    withExtendedLifetime(redis) {}
  }

  @Test func `A gateway killed under load loses nothing`() async throws {
    let cluster = try await ProcessCluster.start()
    let (status, output) = try await loadTest(cluster, seconds: 6) {
      cluster.gateways[1].process.kill()
    }
    #expect(status == 0, "\(output)")
    #expect(output.contains("30 reconnects"), "\(output)")
    #expect(output.contains("30 recovered, 0 not recovered"), "\(output)")
  }

  @Test func `A gateway stopped under load loses nothing, and ends by itself`() async throws {
    let cluster = try await ProcessCluster.start()
    let (status, output) = try await loadTest(cluster, seconds: 6) {
      cluster.gateways[1].process.signal(SIGTERM)
      let status = try await cluster.gateways[1].process.status()
      #expect(status == 0)
    }
    #expect(status == 0, "\(output)")
  }

  @Test func `A gateway frozen under load and thawed loses nothing`() async throws {
    let cluster = try await ProcessCluster.start()
    let (status, output) = try await loadTest(cluster, seconds: 6) {
      cluster.gateways[1].process.signal(SIGSTOP)
      // Others must go on meanwhile: a publication through another gateway is answered.
      for _ in 0..<20 {
        let answer = try await cluster.publish(0, "room_7", #"{"type":"x"}"#)
        #expect(answer.status == 200)
      }
      cluster.gateways[1].process.signal(SIGCONT)
    }
    #expect(status == 0, "\(output)")
  }

  @Test
  func
    `Without Redis a gateway is not ready, says so once, refuses publications as retriable, and recovers`()
    async throws
  {
    let port = try await FreePort.find()
    let file = FileManager.default.temporaryDirectory.appending(component: "martlet-\(UUID()).yaml")
    defer { try? FileManager.default.removeItem(at: file) }
    try ProcessCluster.configuration("servers: [\"redis://127.0.0.1:\(port)\"]").write(
      to: file, atomically: true, encoding: .utf8)
    let gateway = try await ProcessCluster.startGateway(file)
    try await eventually("it answers") {
      (try? await HTTPTestClient.request(port: gateway.adminPort, "/healthz").status) == 200
    }
    let readiness = try await HTTPTestClient.request(port: gateway.adminPort, "/readyz")
    #expect(readiness.status == 503 && readiness.body.contains("127.0.0.1:\(port)"))
    let publication = try await HTTPTestClient.request(
      "POST", port: gateway.clientPort, "/api/publish",
      headers: [("Authorization", "Bearer \(ProcessCluster.apiKey)")],
      body: #"{"group":"g","event":{"type":"x"}}"#)
    #expect(publication.status == 503)
    #expect(try publication.json().text("error.code") == "unavailable")
    let client = try await WebSocketTestClient.connect(port: gateway.clientPort, "/ws/room/7/")
    #expect(try await client.closeCode() == 4007)
    let redis = try await RedisServerProcess.start(port: port)
    try await eventually("it is ready") { await gateway.isReady() }
    let lines = gateway.process.output.split(separator: "\n")
    #expect(lines.filter { $0.contains("Redis is unreachable") }.count == 1, "\(lines)")
    redis.kill()
  }

  @Test func `A gateway whose Redis came back empty tells its members and goes on`() async throws {
    let cluster = try await ProcessCluster.start(redis: 1, gateways: 2)
    let client = try await cluster.join(1, "/ws/room/7/")
    _ = try await client.message(ofType: "connection_established")
    #expect(try await cluster.publish(0, "room_7", #"{"type":"x"}"#).status == 200)
    let before = try await client.message(ofType: "x")
    let port = cluster.redis[0].server.port
    cluster.redis[0].kill()
    let again = try await RedisServerProcess.start(port: port)
    let resync = try await client.message(ofType: "resync")
    #expect(resync.text("reason") == "epoch_changed")
    try await eventually("publishing works again") {
      try await cluster.publish(0, "room_7", #"{"type":"y"}"#).status == 200
    }
    let after = try await client.message(ofType: "y")
    #expect(after.number("offset") == 1 && before.number("offset") == 1)
    #expect(!client.isClosed)
    again.kill()
  }

  @Test func `Another shard count than the cluster's is refused at start`() async throws {
    let cluster = try await ProcessCluster.start(redis: 1, gateways: 1, aggregators: 0)
    let file = FileManager.default.temporaryDirectory.appending(component: "martlet-\(UUID()).yaml")
    defer { try? FileManager.default.removeItem(at: file) }
    let text = try String(contentsOf: cluster.file, encoding: .utf8)
      .replacingOccurrences(of: "{kind: redis,", with: "{kind: redis, shards: 4,")
    try text.write(to: file, atomically: true, encoding: .utf8)
    let stranger = try await ProcessCluster.startGateway(file)
    #expect(try await stranger.process.status() == 1)
    #expect(
      stranger.process.output.contains("backplane.shards is 4, but the cluster in Redis has 16"))
  }

  @Test func `The members of a killed gateway leave, those of a killed aggregator stay`()
    async throws
  {
    let cluster = try await ProcessCluster.start()
    let watcher = try await cluster.join(0, "/ws/room/7/?name=Ann")
    _ = try await watcher.message(ofType: "connection_established")
    _ = try await cluster.join(1, "/ws/room/7/?name=Bob")
    _ = try await cluster.join(2, "/ws/room/7/?name=Carol")
    for index in 0..<3 {
      try await eventually("all are listed everywhere") {
        try await cluster.members(index, "room_7") == ["Ann", "Bob", "Carol"]
      }
    }
    cluster.aggregators[0].process.kill()
    cluster.gateways[2].process.kill()
    // The other aggregator takes over, and notices that the gateway is gone.
    let left = try await watcher.message(ofType: "user_left", within: .seconds(30))
    #expect(left.text("user.name") == "Carol")
    try await eventually("the list says so") {
      try await cluster.members(0, "room_7") == ["Ann", "Bob"]
    }
  }
}

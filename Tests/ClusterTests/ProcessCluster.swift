import Foundation
import MartletCore
import MartletTestSupport

/// Gateways and presence daemons as processes of their own, on Redis servers of their own.
final class ProcessCluster {
  static let apiKey = "an-api-key-for-tests"

  /// A daemon with its ports.
  struct Daemon {
    var process: ProgramProcess
    /// 0 for a presence daemon.
    var clientPort: Int
    var adminPort: Int

    func isReady() async -> Bool {
      let answer = try? await HTTPTestClient.request(port: adminPort, "/readyz")
      return answer?.status == 200
    }
  }

  let redis: [RedisServerProcess]
  private(set) var gateways: [Daemon] = []
  private(set) var aggregators: [Daemon] = []
  private let folder: URL

  /// - Parameters:
  ///   - sites: the key of `backplane.redis` that says where Redis is.
  ///   - configuration: makes the file from `sites`.
  private init(redis: [RedisServerProcess], sites: String, configuration: (String) -> String) throws
  {
    self.redis = redis
    folder = FileManager.default.temporaryDirectory.appending(component: "martlet-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try configuration(sites).write(to: file, atomically: true, encoding: .utf8)
  }

  deinit {
    try? FileManager.default.removeItem(at: folder)
  }

  /// Starts a cluster and waits until all of it is ready.
  ///
  /// - Parameter configuration: makes the file from the key of `backplane.redis`.
  static func start(
    redis count: Int = 2, gateways: Int = 3, aggregators: Int = 2,
    configuration: (String) -> String = { ProcessCluster.configuration($0) }
  ) async throws -> ProcessCluster {
    var redis: [RedisServerProcess] = []
    for _ in 0..<count { redis.append(try await RedisServerProcess.start()) }
    let sites = "servers: \(urls(redis.map(\.server)))"
    return try await start(
      ProcessCluster(redis: redis, sites: sites, configuration: configuration),
      gateways: gateways, aggregators: aggregators)
  }

  /// Starts a cluster on a Redis Cluster, which the caller owns.
  static func start(
    on redis: RedisClusterProcess, gateways: Int = 2, aggregators: Int = 2
  ) async throws -> ProcessCluster {
    try await start(
      ProcessCluster(
        redis: [], sites: "cluster: \(urls(redis.seeds))", configuration: { configuration($0) }),
      gateways: gateways, aggregators: aggregators)
  }

  private static func start(
    _ cluster: ProcessCluster, gateways: Int, aggregators: Int
  ) async throws -> ProcessCluster {
    for _ in 0..<aggregators { try await cluster.addAggregator() }
    for _ in 0..<gateways { try await cluster.addGateway() }
    try await cluster.waitUntilReady()
    return cluster
  }

  private static func urls(_ servers: [RedisServer]) -> String {
    "[" + servers.map { "\"redis://\($0)\"" }.joined(separator: ", ") + "]"
  }

  /// The configuration file.
  var file: URL { folder.appending(component: "martlet.yaml") }

  func addGateway() async throws {
    gateways.append(try await Self.startGateway(file))
  }

  func addAggregator() async throws {
    aggregators.append(try await Self.startAggregator(file))
  }

  /// Starts a gateway again at its ports.
  func restartGateway(_ index: Int) throws {
    gateways[index] = try Self.startGateway(
      file, client: gateways[index].clientPort, admin: gateways[index].adminPort)
  }

  func restartAggregator(_ index: Int) throws {
    aggregators[index] = try Self.startAggregator(file, admin: aggregators[index].adminPort)
  }

  func waitUntilReady() async throws {
    for daemon in gateways + aggregators where daemon.process.isRunning {
      try await eventually("a daemon is ready", within: .seconds(60)) {
        guard daemon.process.isRunning else {
          throw NeverTrue(what: "a daemon runs: \(daemon.process.output)")
        }
        return await daemon.isReady()
      }
    }
  }

  /// Publishes one event through gateway `index`; the answer's status and body.
  func publish(_ index: Int, _ group: String, _ event: String) async throws
    -> HTTPTestClient.Response
  {
    try await HTTPTestClient.request(
      "POST", port: gateways[index].clientPort, "/api/publish",
      headers: [("Authorization", "Bearer \(Self.apiKey)")],
      body: #"{"group":"\#(group)","event":\#(event)}"#)
  }

  /// The ids of a group's members as gateway `index` knows them.
  func members(_ index: Int, _ group: String) async throws -> [String] {
    let response = try await HTTPTestClient.request(
      port: gateways[index].clientPort, "/api/presence/\(group)",
      headers: [("Authorization", "Bearer \(Self.apiKey)")])
    return try response.json().texts("members", "name")
  }

  func join(_ index: Int, _ target: String) async throws -> WebSocketTestClient {
    try await WebSocketTestClient.connect(port: gateways[index].clientPort, target)
  }

  static func startGateway(_ file: URL) async throws -> Daemon {
    try startGateway(file, client: await FreePort.find(), admin: await FreePort.find())
  }

  private static func startGateway(_ file: URL, client: Int, admin: Int) throws -> Daemon {
    let process = try ProgramProcess(
      ProgramProcess.built("martlet-gateway"),
      [
        "--config", file.path(), "--listen", "127.0.0.1:\(client)", "--admin",
        "127.0.0.1:\(admin)",
      ])
    return Daemon(process: process, clientPort: client, adminPort: admin)
  }

  static func startAggregator(_ file: URL) async throws -> Daemon {
    try startAggregator(file, admin: await FreePort.find())
  }

  private static func startAggregator(_ file: URL, admin: Int) throws -> Daemon {
    let process = try ProgramProcess(
      ProgramProcess.built("martlet-presence"),
      ["--config", file.path(), "--admin", "127.0.0.1:\(admin)"])
    return Daemon(process: process, clientPort: 0, adminPort: admin)
  }

  static func configuration(_ sites: String, more: String = "") -> String {
    """
    loops: 1
    api_keys: [\(apiKey)]
    backplane: {kind: redis, redis: {\(sites)}}
    presence: {grace: 300ms, lease: 1s}
    limits: {drain_timeout: 500ms}
    \(more)
    routes:
      - path: /ws/load/{group}/
        group: load_{group}
        access: {anonymous: true}
        history: {size: 2000, ttl: 10m}
        events: {load: {}}
      - path: /ws/room/{room}/
        group: room_{room}
        access: {anonymous: true}
        history: {size: 100, ttl: 10m}
        presence: true
        events: {chat_message: {}}
    """
  }
}

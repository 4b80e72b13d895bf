import Logging
import MartletConfiguration
import MartletCore
import MartletGateway
import MartletTestSupport

/// Two gateways on a Redis that is about to fail, with publishers and members that never rest.
final class FaultCluster {
  static let apiKey = "an-api-key-for-tests"

  private(set) var gateways: [GatewayServer] = []
  let groups: [String]
  private var members: [GroupMember] = []
  private var publishers: [GroupPublisher] = []
  private var kept: [RedisServerProcess] = []

  /// How the groups' publications are kept.
  struct Settings {
    var durability = Durability.primary
    /// Further keys of `backplane.redis`.
    var redis = ""
    var groups = 8
    var publishersPerGroup = 2
  }

  private init(_ redis: RedisSites, _ settings: Settings) async throws {
    groups = (0..<settings.groups).map { "kept_\($0)" }
    let yaml = """
      listen: 127.0.0.1:0
      admin: 127.0.0.1:0
      loops: 2
      api_keys: [\(Self.apiKey)]
      backplane:
        kind: redis
        redis:
          \(redis.yaml)
          prefix: t\(UInt32.random(in: 0...UInt32.max))
          publish_timeout: 2s
          \(settings.redis)
      routes:
        - path: /kept/{group}
          group: kept_{group}
          access: {anonymous: true}
          history: {size: 100000, ttl: 10m}
          durability: \(settings.durability.rawValue)
          events: {e: {}}
      """
    let configuration = try Configuration(
      yaml: yaml, file: "fault.yaml", environment: [:], readFile: { _ in nil })
    for _ in 0..<2 {
      gateways.append(
        try await GatewayServer.start(
          configuration, file: "fault.yaml",
          logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onFatal: { _ in }))
    }
    try await waitUntilReady()
  }

  /// Runs publishers and members, lets `fault` happen to them, and answers what became of it all.
  ///
  /// - Parameter name: for the printed counts.
  static func run(
    _ name: String, on redis: RedisSites, _ settings: Settings = Settings(),
    fault: (FaultCluster) async throws -> Void
  ) async throws -> FaultReport {
    let cluster = try await FaultCluster(redis, settings)
    do {
      try await cluster.begin(settings)
      try await cluster.progress(by: 5)
      try await fault(cluster)
      try await cluster.waitUntilReady()
      try await cluster.progress(by: 5)
      let report = try await cluster.settle(name)
      await cluster.stop()
      print(report)
      return report
    } catch {
      await cluster.stop()
      throw error
    }
  }

  private func begin(_ settings: Settings) async throws {
    for (index, group) in groups.enumerated() {
      let path = "/kept/\(group.dropFirst("kept_".count))"
      for gateway in gateways {
        members.append(GroupMember(group: group, path: path, port: gateway.clientAddress.port))
      }
      for number in 0..<settings.publishersPerGroup {
        publishers.append(
          GroupPublisher(
            name: "\(index)-\(number)", group: group, path: path,
            port: gateways[number % 2].clientAddress.port))
      }
    }
    for member in members { member.start() }
    let members = members
    try await eventually("all members have joined") { members.allSatisfy { $0.hasJoined } }
    for publisher in publishers { publisher.start() }
  }

  private func waitUntilReady() async throws {
    for gateway in gateways {
      let port = gateway.adminAddress.port
      try await eventually("the gateway is ready", within: .seconds(60)) {
        (try? await HTTPTestClient.request("GET", port: port, "/readyz"))?.status == 200
      }
    }
  }

  /// Waits until each publisher has had so many more acknowledgements.
  func progress(by count: Int) async throws {
    let goals = publishers.map { ($0, $0.acknowledged + count) }
    try await eventually("all publishers get on", within: .seconds(60)) {
      goals.allSatisfy { $0.acknowledged >= $1 }
    }
  }

  /// Waits until publishers have been told that nothing can be published.
  func refusals() async throws {
    let before = publishers.map(\.refusals)
    try await eventually("publishers are told", within: .seconds(60)) {
      zip(publishers, before).contains { $0.refusals > $1 }
    }
  }

  /// Lets a Redis live until the end.
  func keep(_ redis: RedisServerProcess) {
    kept.append(redis)
  }

  /// Stops the publishers, waits until every member is where its group is, and compares.
  private func settle(_ name: String) async throws -> FaultReport {
    for publisher in publishers { await publisher.stop() }
    var report = FaultReport(name: name)
    for group in groups {
      let history = try await history(of: group)
      report.add(publishers.filter { $0.group == group }, history)
      for member in members where member.group == group {
        try? await eventually("a member has caught up", within: .seconds(15)) {
          member.position?.offset == history.last?.offset
        }
        report.add(member, history)
      }
    }
    return report
  }

  private func history(of group: String) async throws -> [Publication] {
    var publications: [Publication] = []
    var before: Int?
    repeat {
      let query = before.map { "&before=\($0)" } ?? ""
      let page = try await HTTPTestClient.request(
        "GET", port: gateways[0].clientAddress.port, "/api/history/\(group)?limit=1000\(query)",
        headers: [("Authorization", "Bearer \(Self.apiKey)")]
      ).json()
      let items = (page.list("publications") ?? []).compactMap { item -> Publication? in
        if case .object(let fields) = item { Publication(JSONObject(fields: fields)) } else { nil }
      }
      publications = items + publications
      before = page.number("next_before")
    } while before != nil
    return publications
  }

  private func stop() async {
    for publisher in publishers { await publisher.stop(givingUp: true) }
    for member in members { await member.stop() }
    for gateway in gateways { await gateway.stop() }
  }
}

/// Where the gateways of a ``FaultCluster`` find Redis.
enum RedisSites {
  case servers([RedisServer])
  case cluster([RedisServer])

  static func servers(_ server: RedisServer) -> RedisSites { .servers([server]) }

  static func cluster(_ cluster: RedisClusterProcess) -> RedisSites { .cluster(cluster.seeds) }

  /// A key of `backplane.redis`.
  var yaml: String {
    func list(_ servers: [RedisServer]) -> String {
      servers.map { "\"redis://\($0)\"" }.joined(separator: ", ")
    }
    return switch self {
    case .servers(let servers): "servers: [\(list(servers))]"
    case .cluster(let seeds): "cluster: [\(list(seeds))]"
    }
  }
}

/// One event as members and the history show it.
struct Publication: Equatable, Sendable {
  var offset: Int
  var publisher: String
  var number: Int

  init?(_ frame: JSONObject) {
    guard let offset = frame.number("offset"), let publisher = frame.text("publisher"),
      let number = frame.number("number")
    else { return nil }
    self.offset = offset
    self.publisher = publisher
    self.number = number
  }
}

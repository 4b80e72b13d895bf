import Foundation
import MartletCore
import MartletTestSupport
import Testing

/// Who is where, while gateways and aggregators die under a crowd that comes and goes.
@Suite(.serialized) struct PresenceFaultTests {
  private static let secret = "a secret of at least 32 bytes, for tests"
  private static let grace = Duration.seconds(1)
  private static let lease = Duration.seconds(3)

  private static func configuration(_ sites: String) -> String {
    """
    loops: 1
    api_keys: [\(ProcessCluster.apiKey)]
    backplane: {kind: redis, redis: {\(sites)}}
    presence: {grace: 1s, lease: 3s, drain_grace: 10s, cap: 20}
    limits: {drain_timeout: 500ms, ping_interval: 10m}
    auth: {tokens: [{algorithm: HS256, secret: "\(secret)"}]}
    routes:
      - path: /ws/room/{room}/
        group: room_{room}
        access: {anonymous: true}
        presence: true
        events: {page_change: {kind: presence}}
    """
  }

  /// What a gateway should answer of a group: who, with how many connections, on which pages.
  private struct Person: Equatable {
    var connections = 0
    var pages: Set<String> = []
  }

  @Test(.timeLimit(.minutes(6)))
  func
    `Each daemon is killed under 1,000 clients that come and go, and every gateway ends with the truth`()
    async throws
  {
    let cluster = try await ProcessCluster.start(configuration: Self.configuration)
    let crowd = Crowd(1_000, ports: cluster.gateways.map(\.clientPort), secret: Self.secret)
    let running = Task { await crowd.run() }
    do {
      try await eventually("most have come", within: .seconds(90)) { crowd.presentCount > 700 }
      for index in cluster.aggregators.indices {
        try await replaceAggregator(index, cluster, crowd)
      }
      try await pauseAggregator(cluster, crowd)
      for index in cluster.gateways.indices {
        cluster.gateways[index].process.kill()
        try await churn(crowd)
        try cluster.restartGateway(index)
        try await cluster.waitUntilReady()
      }
    } catch {
      crowd.stop()
      throw error
    }
    crowd.stop()
    await running.value
    let present = crowd.present
    #expect(present.count > 300)
    let limit = Self.grace + Self.lease + .seconds(2)
    for index in cluster.gateways.indices {
      try await expectTruth(present, cluster, gateway: index, within: limit)
    }
    await crowd.leave()
    try await expectTruth([], cluster, gateway: 0, within: limit)
  }

  @Test func `A daemon that is asked to end hands its shards over first`() async throws {
    let cluster = try await ProcessCluster.start(
      redis: 1, gateways: 0, configuration: Self.configuration)
    // Either may have its share while the other one has none yet.
    try await eventually("they share the shards") {
      let first = try await ownedShards(cluster.aggregators[0])
      let second = try await ownedShards(cluster.aggregators[1])
      return first == 8 && second == 8
    }
    #expect(try await owners(cluster).count == 2)
    cluster.aggregators[0].process.signal(SIGTERM)
    #expect(try await cluster.aggregators[0].process.status() == 0)
    // Had it not, its name would stand there until its lease runs out.
    #expect(try await owners(cluster).count <= 1)
    try await eventually("the other one owns all shards") {
      try await ownedShards(cluster.aggregators[1]) == 16
    }
  }

  /// The daemons that own shards, as Redis has it.
  private func owners(_ cluster: ProcessCluster) async throws -> Set<Substring> {
    let redis = cluster.redis[0]
    var owners: Set<Substring> = []
    for key in try await redis.command("KEYS", "*presence:owner").list ?? [] {
      guard let name = key.text, let owner = try await redis.command("GET", name).text else {
        continue
      }
      owners.insert(owner.prefix { $0 != " " })
    }
    return owners
  }

  @Test func `The members of a gateway that is drained never appear to leave`() async throws {
    let cluster = try await ProcessCluster.start(
      redis: 1, gateways: 2, configuration: Self.configuration)
    func enter(_ gateway: Int, _ name: String) async throws -> WebSocketTestClient {
      let client = try await cluster.join(gateway, "/ws/room/7/?token=\(try await token(name))")
      _ = try await client.message(ofType: "connection_established")
      return client
    }
    let ann = try await enter(0, "ann")
    let bob = try await enter(1, "bob")
    #expect(try await seen(by: ann) == "user_joined ann")
    #expect(try await seen(by: ann) == "user_joined bob")
    cluster.gateways[1].process.signal(SIGTERM)
    #expect(try await bob.closeCode() == 1012)
    // Longer than the plain grace, shorter than the drain's.
    try await eventually("the gateway has ended") { !cluster.gateways[1].process.isRunning }
    let carol = try await enter(0, "carol")
    #expect(try await seen(by: ann) == "user_joined carol")
    await carol.abort()
    #expect(try await seen(by: ann) == "user_left carol")
    let returned = try await enter(0, "bob")
    let dan = try await enter(0, "dan")
    #expect(try await seen(by: ann) == "user_joined dan")
    for client in [returned, dan, ann] { await client.abort() }
  }

  private func token(_ user: String) async throws -> String {
    try await TestToken.hs256(
      ["sub": .string(user), "exp": .number(4_000_000_000)], secret: Self.secret)
  }

  private func seen(by client: WebSocketTestClient) async throws -> String {
    let message = try await client.message()
    return "\(message.text("type") ?? "?") \(message.text("user.id") ?? "?")"
  }

  /// Waits until the crowd has gone on for a while.
  private func churn(_ crowd: Crowd) async throws {
    let before = crowd.joinCount
    try await eventually("people come and go", within: .seconds(60)) {
      crowd.joinCount > before + 100
    }
  }

  private func replaceAggregator(
    _ index: Int, _ cluster: ProcessCluster, _ crowd: Crowd
  ) async throws {
    let other = cluster.aggregators[1 - index]
    cluster.aggregators[index].process.kill()
    try await eventually("the other one owns all shards", within: .seconds(5)) {
      try await ownedShards(other) == 16
    }
    try await churn(crowd)
    let takeover = try await metric("martlet_presence_takeover_seconds", other)
    #expect(takeover > 0 && takeover < 5)
    try cluster.restartAggregator(index)
    try await eventually("they share the shards", within: .seconds(30)) {
      try await ownedShards(other) == 8
    }
  }

  /// An aggregator that sleeps through its lease finds another in its place, and writes nothing.
  private func pauseAggregator(_ cluster: ProcessCluster, _ crowd: Crowd) async throws {
    let (paused, other) = (cluster.aggregators[0], cluster.aggregators[1])
    paused.process.signal(SIGSTOP)
    try await eventually("the other one owns all shards", within: .seconds(30)) {
      try await ownedShards(other) == 16
    }
    try await churn(crowd)
    paused.process.signal(SIGCONT)
    try await eventually("they share the shards", within: .seconds(30)) {
      let (left, right) = (try await ownedShards(paused), try await ownedShards(other))
      return left == 8 && right == 8
    }
  }

  private func ownedShards(_ daemon: ProcessCluster.Daemon) async throws -> Int {
    Int(try await metric("martlet_presence_owned_shards", daemon))
  }

  private func metric(_ name: String, _ daemon: ProcessCluster.Daemon) async throws -> Double {
    let metrics = try await HTTPTestClient.request(port: daemon.adminPort, "/metrics").body
    let line = metrics.split(separator: "\n").first { $0.hasPrefix(name + " ") }
    return line.flatMap { Double($0.split(separator: " ")[1]) } ?? -1
  }

  // MARK: The truth

  private func expectTruth(
    _ present: [Crowd.Member], _ cluster: ProcessCluster, gateway: Int, within limit: Duration
  ) async throws {
    var truth: [String: [String: Person]] = [:]
    var places: [String: Int] = [:]
    for number in 0..<Crowd.groupCount { truth[Crowd.group(number)] = [:] }
    for member in present {
      truth[member.group]?[member.user, default: Person()].connections += 1
      truth[member.group]?[member.user]?.pages.insert(member.page)
      places[member.user, default: 0] += 1
    }
    let port = cluster.gateways[gateway].clientPort
    var difference = ""
    do {
      try await eventually("gateway \(gateway) knows who is in which group", within: limit) {
        let answer = try await groups(port)
        difference = Self.difference(answer, truth)
        return answer == truth
      }
      try await eventually("gateway \(gateway) knows where everybody is", within: limit) {
        let answer = try await connections(port)
        difference = Self.difference(answer, places)
        return answer == places
      }
    } catch {
      Issue.record("\(error): \(difference)")
    }
  }

  private static func difference<Value: Equatable>(
    _ answer: [String: Value], _ truth: [String: Value]
  ) -> String {
    Set(answer.keys).union(truth.keys).sorted().filter { answer[$0] != truth[$0] }.prefix(5)
      .map { key in
        "\(key): \(answer[key].map { "\($0)" } ?? "–") instead of \(truth[key].map { "\($0)" } ?? "–")"
      }.joined(separator: "; ")
  }

  private func groups(_ port: Int) async throws -> [String: [String: Person]] {
    let names = (0..<Crowd.groupCount).map { "\"\(Crowd.group($0))\"" }
    let answer = try await post(
      port, "/api/presence",
      #"{"groups":[\#(names.joined(separator: ","))],"members":true,"limit":1000}"#)
    var groups: [String: [String: Person]] = [:]
    for group in answer.objects("groups") {
      var people: [String: Person] = [:]
      for member in group.objects("members") {
        people[member.text("id") ?? "?"] = Person(
          connections: member.number("connections") ?? -1,
          pages: Set(member.objects("metas").compactMap { $0.text("page") }))
      }
      #expect(group.number("count") == people.count)
      groups[group.text("group") ?? "?"] = people
    }
    return groups
  }

  private func connections(_ port: Int) async throws -> [String: Int] {
    var places: [String: Int] = [:]
    for first in stride(from: 0, to: Crowd.userCount, by: 100) {
      let ids = (first..<(first + 100)).map { "\"u\($0)\"" }
      let answer = try await post(
        port, "/api/users", #"{"users":[\#(ids.joined(separator: ","))]}"#)
      for user in answer.objects("users") {
        let count = user.number("connections") ?? -1
        if count != 0 || user["is_online"] == .bool(true) { places[user.text("id") ?? "?"] = count }
      }
    }
    return places
  }

  private func post(_ port: Int, _ target: String, _ body: String) async throws -> JSONObject {
    try await HTTPTestClient.request(
      "POST", port: port, target,
      headers: [("Authorization", "Bearer \(ProcessCluster.apiKey)")], body: body
    ).json()
  }
}

extension JSONObject {
  /// The objects in the list at a dotted path.
  fileprivate func objects(_ path: String) -> [JSONObject] {
    (list(path) ?? []).compactMap { element in
      if case .object(let fields) = element { JSONObject(fields: fields) } else { nil }
    }
  }
}

import Foundation
import Logging
import MartletConfiguration
import MartletCore
import MartletGateway
import MartletTestSupport

/// A gateway inside the test's process, on free ports.
struct TestGateway {
  static let secret = "a secret of at least 32 bytes, for tests"
  static let apiKey = "an-api-key-for-tests"

  let server: GatewayServer

  var port: Int { server.clientAddress.port }
  var adminPort: Int { server.adminAddress.port }

  /// - Parameters:
  ///   - extra: further top-level YAML.
  ///   - limits: keys of `limits`, as YAML in braces.
  ///   - grace: of presence.
  ///   - presence: further keys of `presence`.
  static func start(
    _ extra: String = "", limits: String = "{}", grace: String = "200ms", presence: String = ""
  ) async throws -> TestGateway {
    let yaml = """
      listen: 127.0.0.1:0
      admin: 127.0.0.1:0
      loops: 2
      api_keys: [\(apiKey)]
      presence: {grace: \(grace), batch: 20ms, \(presence)}
      auth: {clock_skew: 0s, tokens: [{algorithm: HS256, secret: "\(secret)"}]}
      limits: \(limits)
      \(extra)
      routes:
        - path: /ws/room/{room}/
          group: room_{room}
          access: {anonymous: true}
          history: {size: 50, ttl: 1m}
          presence: true
          events:
            chat_message: {}
            user_typing: {kind: ephemeral, exclude_sender: true}
            page_change: {kind: presence}
        - path: /ws/projects/{project_id}/
          group: project_{project_id}
          access: {claims: {projects: {contains: "{project_id}"}}}
          history: {size: 50, ttl: 1m}
          events: {project_updated: {exclude_sender: true}}
        - path: /ws/notifications/
          group: user_{user.id}
          events: {mark_read: {}}
      """
    return try await start(yaml: yaml)
  }

  /// Starts a gateway with a whole configuration.
  static func start(yaml: String) async throws -> TestGateway {
    let configuration = try Configuration(
      yaml: yaml, file: "test.yaml", environment: [:],
      readFile: { try? String(contentsOfFile: $0, encoding: .utf8) })
    let server = try await GatewayServer.start(
      configuration, file: "test.yaml",
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onFatal: { _ in })
    return TestGateway(server: server)
  }

  /// Runs `body` against a gateway and stops it, whatever happens.
  static func with(
    _ extra: String = "", limits: String = "{}", grace: String = "200ms", presence: String = "",
    _ body: (TestGateway) async throws -> Void
  ) async throws {
    try await start(extra, limits: limits, grace: grace, presence: presence).run(body)
  }

  /// Runs `body` and stops the gateway, whatever happens.
  func run(_ body: (TestGateway) async throws -> Void) async throws {
    do {
      try await body(self)
    } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  /// Joins a room as an anonymous user; the first frame is already taken.
  func join(
    _ room: String, name: String = "Ann", query: String = ""
  ) async throws -> WebSocketTestClient {
    let client = try await WebSocketTestClient.connect(
      port: port, "/ws/room/\(room)/?name=\(name)\(query)")
    _ = try await client.message(ofType: "connection_established")
    return client
  }

  /// A request to the HTTP API, with the key.
  func api(
    _ method: String, _ target: String, body: String = ""
  ) async throws -> HTTPTestClient.Response {
    try await HTTPTestClient.request(
      method, port: port, target, headers: [("Authorization", "Bearer \(Self.apiKey)")], body: body)
  }

  /// The value of a metric without labels.
  func metric(_ name: String) async throws -> Double? {
    let page = try await HTTPTestClient.request(port: adminPort, "/metrics").body
    return page.split(separator: "\n").first { $0.hasPrefix(name + " ") }
      .flatMap { Double($0.dropFirst(name.count + 1)) }
  }

  /// Publishes one event by the HTTP API.
  func publish(_ group: String, _ event: String) async throws -> JSONObject {
    let response = try await api(
      "POST", "/api/publish", body: #"{"group":"\#(group)","event":\#(event)}"#)
    guard response.status == 200 else { throw NeverTrue(what: "it is published: \(response)") }
    return try response.json()
  }

  /// A token for `user` whose claims are JSON values.
  static func token(
    _ user: String, _ claims: [String: JSONValue] = [:], expiresIn seconds: Double = 60
  ) async throws -> String {
    let expires = Double(unixTime()) + seconds
    return try await TestToken.hs256(
      ["sub": .string(user), "exp": .number(expires)].merging(claims) { $1 }, secret: secret)
  }
}

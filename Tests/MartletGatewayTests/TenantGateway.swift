import MartletCore
import MartletTestSupport

@testable import MartletGateway

/// A gateway of a cluster with tenants. Everybody is called the same in each.
struct TenantGateway {
  static let clusterKey = "a-key-of-the-whole-cluster"

  static func key(of tenant: String) -> String { "an-api-key-of-\(tenant)" }

  let gateway: TestGateway

  static func with(_ body: (TenantGateway) async throws -> Void) async throws {
    let yaml = """
      listen: 127.0.0.1:0
      admin: 127.0.0.1:0
      loops: 2
      tenants: {claim: org}
      api_keys:
        - \(clusterKey)
        - {key: \(key(of: "acme")), tenant: acme}
        - {key: \(key(of: "beta")), tenant: beta}
      presence: {grace: 200ms, batch: 20ms}
      auth: {tokens: [{algorithm: HS256, secret: "\(TestGateway.secret)"}]}
      routes:
        - path: /ws/room/{room}/
          group: room_{room}
          history: {size: 50, ttl: 1m}
          presence: true
          events:
            chat_message: {}
            user_typing: {kind: ephemeral}
            page_change: {kind: presence}
        - path: /ws/projects/{id}/
          group: project_{id}
          access: {claims: {projects: {contains: "{id}"}}}
        - path: /ws/notifications/
          group: user_{user.id}
      """
    try await TestGateway.start(yaml: yaml).run { try await body(TenantGateway(gateway: $0)) }
  }

  /// Opens a path as a user of a tenant.
  func open(
    _ path: String, as user: String, of tenant: JSONValue?, _ claims: [String: JSONValue] = [:]
  ) async throws -> WebSocketTestClient {
    let token = try await TestGateway.token(
      user, claims.merging(tenant.map { ["org": $0] } ?? [:]) { $1 })
    let separator = path.contains("?") ? "&" : "?"
    return try await WebSocketTestClient.connect(
      port: gateway.port, "\(path)\(separator)token=\(token)")
  }

  /// Enters room 7, and waits until the room and the user's home know of it; the first frame is taken.
  func enter(as user: String, of tenant: String) async throws -> WebSocketTestClient {
    let client = try await open("/ws/room/7/", as: user, of: .string(tenant))
    let first = try await client.message(ofType: "connection_established")
    try await eventually("\(user) of \(tenant) is in the room") {
      let places = try await self.user(user, of: tenant).objects("where")
      let members = try await members(of: tenant)
      return places.contains { $0.text("connection_id") == first.text("connection_id") }
        && members.object("members", id: user) != nil
    }
    return client
  }

  /// A request to the HTTP API.
  func api(
    _ method: String, _ target: String, key: String, body: String = ""
  ) async throws -> HTTPTestClient.Response {
    try await HTTPTestClient.request(
      method, port: gateway.port, target, headers: [("Authorization", "Bearer \(key)")], body: body)
  }

  /// The answer to a request with a tenant's key.
  func ask(
    _ tenant: String, _ method: String, _ target: String, _ body: String = ""
  ) async throws -> JSONObject {
    let response = try await api(method, target, key: Self.key(of: tenant), body: body)
    guard response.status == 200 else { throw NeverTrue(what: "it is answered: \(response)") }
    return try response.json()
  }

  func user(_ id: String, of tenant: String) async throws -> JSONObject {
    try await ask(tenant, "GET", "/api/users/\(id)")
  }

  /// Of room 7.
  func members(of tenant: String) async throws -> JSONObject {
    try await ask(tenant, "GET", "/api/presence/room_7")
  }

  /// Publishes into room 7.
  @discardableResult
  func publish(_ tenant: String, _ event: String, id: String? = nil) async throws -> JSONObject {
    let id = id.map { #","id":"\#($0)""# } ?? ""
    return try await ask(
      tenant, "POST", "/api/publish", #"{"group":"room_7","event":\#(event)\#(id)}"#)
  }
}

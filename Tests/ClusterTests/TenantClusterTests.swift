import MartletCore
import MartletTestSupport
import Testing

/// Tenants over several processes and Redis.
@Suite struct TenantClusterTests {
  private static let secret = "a secret of at least 32 bytes, for tests"

  private static func configuration(_ sites: String) -> String {
    """
    loops: 1
    tenants: {claim: org}
    api_keys: [{key: the-api-key-of-acme, tenant: acme}, {key: the-api-key-of-beta, tenant: beta}]
    backplane: {kind: redis, redis: {\(sites)}}
    presence: {grace: 200ms, batch: 20ms}
    auth: {tokens: [{algorithm: HS256, secret: "\(secret)"}]}
    routes:
      - path: /ws/room/{room}/
        group: room_{room}
        history: {size: 50, ttl: 1m}
        presence: true
        events: {chat_message: {}}
    """
  }

  @Test(.timeLimit(.minutes(3)))
  func `Two gateways keep the tenants of one Redis apart`() async throws {
    let cluster = try await ProcessCluster.start(
      redis: 1, gateways: 2, aggregators: 1, configuration: Self.configuration)
    let tenants = ["acme", "beta"]
    var clients: [String: [WebSocketTestClient]] = [:]
    for tenant in tenants {
      for (index, user) in ["ann", "bob"].enumerated() {
        clients[tenant, default: []].append(
          try await Self.enter(cluster, index, as: user, of: tenant))
      }
    }
    // Only acme has a third member.
    _ = try await Self.enter(cluster, 0, as: "carol", of: "acme")

    for tenant in tenants {
      let (ann, bob) = (clients[tenant]?[0], clients[tenant]?[1])
      try await ann?.send(#"{"type":"chat_message","text":"of \#(tenant)","idempotency_id":"k"}"#)
      let message = try #require(try await bob?.message(ofType: "chat_message"))
      #expect(message.text("text") == "of \(tenant)" && message.number("offset") == 1)
      #expect(message.text("group") == "room_7" && message.text("sender.id") == "ann")
    }
    try await clients["acme"]?[0].send(
      #"{"type":"presence_update","status":"do_not_disturb","ref":1}"#)
    for gateway in cluster.gateways {
      func ask(_ tenant: String, _ target: String) async throws -> JSONObject {
        try await HTTPTestClient.request(
          port: gateway.clientPort, "/api/\(target)",
          headers: [("Authorization", "Bearer the-api-key-of-\(tenant)")]
        ).json()
      }
      try await eventually("presence has settled") {
        let ids = try await ask("acme", "presence/room_7").texts("members", "id")
        let user = try await ask("acme", "users/ann")
        return ids == ["ann", "bob", "carol"] && user.text("status") == "do_not_disturb"
          && user.number("connections") == 1
      }
      try await eventually("beta has its own two members") {
        try await ask("beta", "presence/room_7").texts("members", "id") == ["ann", "bob"]
      }
      for (tenant, count) in [("acme", 3), ("beta", 2)] {
        let history = try await ask(tenant, "history/room_7").list("publications") ?? []
        #expect(
          history.map { JSONObject(fields: ["p": $0]).text("p.text") } == ["of \(tenant)"])
        #expect(try await ask(tenant, "presence/room_7/count").number("count") == count)
      }
      let ann = try await ask("beta", "users/ann")
      #expect(ann.text("status") == "available" && ann.number("connections") == 1)
      #expect(ann.texts("where", "group") == ["room_7"])
      #expect(try await ask("beta", "users/carol")["is_online"] == .bool(false))
    }
    // Who leaves one tenant stays in the other.
    await clients["acme"]?[1].abort()
    let left = try await clients["acme"]?[0].message(ofType: "user_left")
    #expect(left?.text("user.id") == "bob")
    try await clients["beta"]?[1].send(#"{"type":"chat_message","text":"last"}"#)
    var types: [String] = []
    while types.last != "last" {
      let message = try #require(try await clients["beta"]?[0].message())
      types.append(message.text("text") ?? message.text("type") ?? "")
    }
    #expect(!types.contains("user_left") && !types.contains("presence_updated"))
  }

  /// Enters room 7 at a gateway.
  private static func enter(
    _ cluster: ProcessCluster, _ index: Int, as user: String, of tenant: String
  ) async throws -> WebSocketTestClient {
    let token = try await TestToken.hs256(
      ["sub": .string(user), "exp": .number(4_000_000_000), "org": .string(tenant)],
      secret: secret)
    let client = try await WebSocketTestClient.connect(
      port: cluster.gateways[index].clientPort, "/ws/room/7/?token=\(token)")
    _ = try await client.message(ofType: "connection_established")
    return client
  }
}

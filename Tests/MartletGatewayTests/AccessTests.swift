import MartletCore
import MartletTestSupport
import Testing

@testable import MartletGateway

/// Clients whose keys and permissions come from other servers.
@Suite struct AccessTests {
  /// A gateway, and the application's back end.
  private struct World {
    let backend: ScriptedHTTPServer
    let gateway: TestGateway

    func open(_ path: String, token: String? = nil) async throws -> WebSocketTestClient {
      try await WebSocketTestClient.connect(
        port: gateway.port, path + (token.map { "?token=\($0)" } ?? "?name=Bob"))
    }

    func metrics() async throws -> String {
      try await HTTPTestClient.request(port: gateway.adminPort, "/metrics").body
    }
  }

  private func with(
    _ reply: ScriptedHTTPServer.Reply, hook: String = "", _ body: (World) async throws -> Void
  ) async throws {
    try await ScriptedHTTPServer.with(reply) { backend in
      let yaml = """
        listen: 127.0.0.1:0
        admin: 127.0.0.1:0
        loops: 2
        auth:
          tokens: [{algorithm: HS256, secret: "\(TestGateway.secret)"}]
          hook:
            url: http://127.0.0.1:\(backend.port)/access
            secret: a-secret-of-16-bytes
            \(hook)
        routes:
          - path: /ws/room/{room}/
            group: room_{room}
            access: {anonymous: true}
            events: {chat_message: {}}
          - path: /ws/own/
            group: user_{user.id}
          - path: /ws/editors/
            group: editors
            access: {claims: {role: {equals: editor}}}
          - path: /ws/free/
            group: free
            access: {anonymous: true, hook: []}
        """
      try await TestGateway.start(yaml: yaml).run {
        try await body(World(backend: backend, gateway: $0))
      }
    }
  }

  @Test func `The back end is asked about a connection, and then about its group`() async throws {
    try await with(.json(#"{"allow":true}"#)) { world in
      let token = try await TestGateway.token("u1", ["name": .string("Ann")])
      let client = try await world.open("/ws/room/7/", token: token)
      let established = try await client.message(ofType: "connection_established")
      #expect(established.text("user.name") == "Ann")
      let questions = try world.backend.requests.map { try $0.json() }
      #expect(questions.map { $0.text("event") } == ["connect", "join"])
      #expect(questions[0]["group"] == nil && questions[1].text("group") == "room_7")
      #expect(questions.allSatisfy { $0.text("user.id") == "u1" && $0.text("claims.sub") == "u1" })
      #expect(
        world.backend.requests[0].headers["authorization"] == "Bearer a-secret-of-16-bytes")
      try await client.close()
    }
  }

  @Test func `What it refuses closes with 4003 and its reason, whether it fails with 4007`()
    async throws
  {
    try await with(.json(#"{"allow":false,"reason":"banned"}"#)) { world in
      let refused = try await world.open("/ws/room/7/")
      let error = try await refused.message(ofType: "error")
      #expect(error.text("code") == "not_permitted" && error.text("message") == "banned")
      #expect(try await refused.closeCode() == 4003)
      world.backend.script(.status(500))
      let failed = try await world.open("/ws/room/7/")
      #expect(try await failed.message(ofType: "error").text("code") == "unavailable")
      #expect(try await failed.closeCode() == 4007)
    }
  }

  @Test func `A refused group is asked about after the connection`() async throws {
    try await with(.silence) { world in
      world.backend.script { request in
        let isConnect = (try? request.json().text("event")) == "connect"
        return .json(isConnect ? #"{"allow":true}"# : #"{"allow":false}"#)
      }
      let client = try await world.open("/ws/room/7/")
      #expect(try await client.closeCode() == 4003)
      #expect(world.backend.requests.count == 2)
    }
  }

  @Test func `The back end may say who somebody is`() async throws {
    try await with(.json(#"{"allow":true,"user":"u7","name":"Eve"}"#)) { world in
      let token = try await TestGateway.token("u1")
      let client = try await world.open("/ws/own/", token: token)
      let established = try await client.message(ofType: "connection_established")
      #expect(established.text("user.id") == "u7" && established.text("user.name") == "Eve")
      #expect(established.text("group") == "user_u7")
      let join = try world.backend.requests[1].json()
      #expect(join.text("user.id") == "u7" && join.text("claims.sub") == "u1")
      try await client.close()
    }
  }

  @Test func `It is not asked about those whom token or rule refuse, nor where the route says so`()
    async throws
  {
    try await with(.json(#"{"allow":false}"#)) { world in
      let good = try await TestGateway.token("u1")
      for (path, token, code) in [
        ("/ws/editors/", good, 4003), ("/ws/own/", nil, 4001), ("/ws/own/", "nonsense", 4001),
      ] as [(String, String?, Int)] {
        #expect(try await world.open(path, token: token).closeCode() == code)
      }
      let free = try await world.open("/ws/free/")
      _ = try await free.message(ofType: "connection_established")
      #expect(world.backend.requests.isEmpty)
      try await free.close()
    }
  }

  @Test func `An answer about one anonymous user is for no other`() async throws {
    try await with(.json(#"{"allow":true,"ttl":600}"#)) { world in
      for _ in 0..<2 {
        let client = try await world.open("/ws/room/7/")
        _ = try await client.message(ofType: "connection_established")
        try await client.close()
      }
      #expect(world.backend.requests.count == 4)
    }
  }

  @Test func `Metrics tell what the hook does`() async throws {
    try await with(.json(#"{"allow":true,"ttl":600}"#)) { world in
      let token = try await TestGateway.token("u1")
      for _ in 0..<2 {
        let client = try await world.open("/ws/room/7/", token: token)
        _ = try await client.message(ofType: "connection_established")
        try await client.close()
      }
      let metrics = try await world.metrics()
      for line in [
        #"martlet_access_hook_questions_total{outcome="allowed"} 2"#,
        #"martlet_access_hook_questions_total{outcome="cached"} 2"#,
        #"martlet_access_hook_questions_total{outcome="queue_full"} 0"#,
        "martlet_access_hook_cached_answers 2", "martlet_access_hook_requests 0",
        #"martlet_access_hook_circuit{state="closed"} 1"#,
      ] {
        #expect(metrics.contains(line + "\n"), "\(metrics)")
      }
    }
  }

  @Test func `A gateway is ready when the keys of its issuer are there, and starts without`()
    async throws
  {
    try await ScriptedHTTPServer.with(.status(503)) { issuer in
      let yaml = """
        listen: 127.0.0.1:0
        admin: 127.0.0.1:0
        auth:
          jwks: [{url: "http://127.0.0.1:\(issuer.port)/jwks", algorithms: [ES256]}]
        routes: [{path: /ws/a, group: a}]
        """
      try await TestGateway.start(yaml: yaml).run { gateway in
        func readiness() async throws -> HTTPTestClient.Response {
          try await HTTPTestClient.request(port: gateway.adminPort, "/readyz")
        }
        try await eventually("the keys alone are missing") {
          let response = try await readiness()
          let reasons = response.body.split(separator: "\n")
          return response.status == 503 && reasons.count == 1 && reasons[0].contains("/jwks")
        }
        // {"alg":"ES256"}.{}.
        let client = try await WebSocketTestClient.connect(
          port: gateway.port, "/ws/a?token=eyJhbGciOiJFUzI1NiJ9.e30.AAAA")
        #expect(try await client.closeCode() == 4007)
        issuer.script(
          .json(
            #"{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#
          ))
        try await eventually("it is ready") { try await readiness().status == 200 }
        let metrics = try await HTTPTestClient.request(port: gateway.adminPort, "/metrics").body
        #expect(metrics.contains("martlet_auth_keys{url="))
        #expect(metrics.contains("martlet_auth_key_refreshes_total{url="))
      }
    }
  }
}

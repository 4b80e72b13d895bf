import MartletCore
import MartletTestSupport
import Testing

/// Requests of a connection that overtake each other.
@Suite struct PermissionRaceTests {
  private static func yaml(_ more: String) -> String {
    """
    listen: 127.0.0.1:0
    admin: 127.0.0.1:0
    loops: 1
    \(more)
    routes:
      - path: /ws/room/{room}/
        group: room_{room}
        access: {claims: {rooms: {contains: "{room}"}}}
        events: {chat_message: {}}
    """
  }

  private func token(_ rooms: [Double]) async throws -> String {
    try await TestGateway.token("ann", ["rooms": .array(rooms.map { .number($0) })])
  }

  @Test func `A group that a new token does not allow is not joined with what the old one allowed`()
    async throws
  {
    try await ScriptedHTTPServer.with(.silence) { backend in
      backend.script { request in
        let allowed = ScriptedHTTPServer.Reply.json(#"{"allow":true}"#)
        return (try? request.json().text("group")) == "room_8" ? .held(allowed) : allowed
      }
      let auth = """
        auth:
          clock_skew: 0s
          tokens: [{algorithm: HS256, secret: "\(TestGateway.secret)"}]
          hook: {url: "http://127.0.0.1:\(backend.port)/", events: [join]}
        """
      try await TestGateway.start(yaml: Self.yaml(auth)).run { gateway in
        let client = try await WebSocketTestClient.connect(
          port: gateway.port, "/ws/room/7/?token=\(try await token([7, 8]))")
        _ = try await client.message(ofType: "connection_established")
        try await client.send(#"{"type":"subscribe","path":"/ws/room/8/","ref":1}"#)
        try await eventually("the back end is asked") { backend.requests.count == 2 }
        try await client.send(#"{"type":"refresh","token":"\#(try await token([7]))","ref":2}"#)
        _ = try await client.message(ofType: "refreshed")
        #expect(backend.release() == 1)
        let answer = try await client.message()
        #expect(answer.text("type") == "error" && answer.number("ref") == 1)
        #expect(answer.text("code") == "not_permitted")
      }
    }
  }

  @Test func `A join that a new token ends has an answer`() async throws {
    let redis = try await RedisServerProcess.start()
    let more = """
      auth: {clock_skew: 0s, tokens: [{algorithm: HS256, secret: "\(TestGateway.secret)"}]}
      backplane: {kind: redis, redis: {servers: ["redis://\(redis.server)"]}}
      """
    try await TestGateway.start(yaml: Self.yaml(more)).run { gateway in
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/room/7/?token=\(try await token([7, 8]))")
      _ = try await client.message(ofType: "connection_established")
      redis.freeze()
      try await client.send(#"{"type":"subscribe","path":"/ws/room/8/","ref":1}"#)
      // Answered behind the permission, while the join waits for Redis.
      try await client.send(#"{"type":"subscribe","path":"/ws/room/8/","ref":2}"#)
      #expect(try await client.message(ofType: "error").number("ref") == 2)
      try await client.send(#"{"type":"refresh","token":"\#(try await token([7]))","ref":3}"#)
      _ = try await client.message(ofType: "refreshed")
      redis.thaw()
      let answer = try await client.message()
      #expect(answer.text("type") == "error" && answer.number("ref") == 1)
      #expect(answer.text("code") == "not_permitted")
    }
  }
}

import MartletCore
import MartletTestSupport
import Testing

@testable import MartletGateway

@Suite struct JoinTests {
  @Test func `The first frame tells a member who and where it is`() async throws {
    try await TestGateway.with { gateway in
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/room/7/?name=Ann")
      let first = try await client.message()
      #expect(first.text("type") == "connection_established")
      #expect(first.text("group") == "room_7")
      #expect(first.text("user.name") == "Ann")
      let id = try #require(first.text("connection_id"))
      #expect(first.text("user.id") == "anonymous:\(id)")
      #expect(first.number("position.offset") == 0)
      #expect(first.texts("members", "name") == ["Ann"])
      try await client.close()
    }
  }

  @Test func `A token is taken from the query, the header or the subprotocol`() async throws {
    try await TestGateway.with { gateway in
      let token = try await TestGateway.token("u1", ["projects": .array([.string("42")])])
      let ways: [(String, [(name: String, value: String)])] = [
        ("?token=\(token)", []), ("", [("Authorization", "Bearer \(token)")]),
        ("", [("Sec-WebSocket-Protocol", "bearer, \(token)")]),
      ]
      for (query, headers) in ways {
        let client = try await WebSocketTestClient.connect(
          port: gateway.port, "/ws/projects/42/\(query)", headers: headers)
        let first = try await client.message()
        #expect(first.text("user.id") == "u1" && first.text("group") == "project_42")
        #expect(
          client.response.contains("Sec-WebSocket-Protocol: bearer\r\n")
            == headers.contains { $0.name == "Sec-WebSocket-Protocol" })
        try await client.close()
      }
    }
  }

  @Test func `Without a good token a client is closed with 4001, without permission with 4003`()
    async throws
  {
    try await TestGateway.with { gateway in
      let foreign = try await TestGateway.token("u1", ["projects": .array([.string("41")])])
      let expired = try await TestGateway.token(
        "u1", ["projects": .array([.string("42")])], expiresIn: -1)
      let cases = [
        ("", 4001), ("?token=nonsense", 4001), ("?token=\(expired)", 4001),
        ("?token=\(foreign)", 4003),
      ]
      for (query, code) in cases {
        let client = try await WebSocketTestClient.connect(
          port: gateway.port, "/ws/projects/42/\(query)")
        #expect(try await client.closeCode() == code)
      }
    }
  }

  @Test func `A session ends when its token does`() async throws {
    try await TestGateway.with { gateway in
      let token = try await TestGateway.token(
        "u1", ["projects": .array([.string("42")])], expiresIn: 5)
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/projects/42/?token=\(token)")
      _ = try await client.message(ofType: "connection_established")
      #expect(try await client.closeCode() == 4001)
    }
  }

  @Test func `A group may be the user's own`() async throws {
    try await TestGateway.with { gateway in
      let token = try await TestGateway.token("u9")
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/notifications/?token=\(token)")
      let first = try await client.message()
      #expect(first.text("group") == "user_u9")
      // No presence on this route.
      #expect(first["members"] == nil)
      _ = try await gateway.publish("user_u9", #"{"type":"new_notification"}"#)
      #expect(try await client.message().text("type") == "new_notification")
      let odd = try await TestGateway.token("no group name")
      let refused = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/notifications/?token=\(odd)")
      #expect(try await refused.message().text("code") == "bad_parameter")
      #expect(try await refused.closeCode() == 4004)
    }
  }

  /// The status with which an upgrade is refused, or nil.
  private static func refusal(
    _ gateway: TestGateway, _ target: String, _ headers: [(name: String, value: String)]
  ) async throws -> Int? {
    do {
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, target, headers: headers)
      try await client.close()
      return nil
    } catch let error as WebSocketTestClient.Refused {
      _ = try JSONObject(error.body)
      return error.status
    }
  }

  @Test func `Unknown paths, plain requests and foreign origins are refused before the upgrade`()
    async throws
  {
    try await TestGateway.with("origins: [\"https://app.example\"]") { gateway in
      let cases: [(String, [(name: String, value: String)], Int?)] = [
        ("/ws/nothing/", [], 404), ("/ws/room/a%20b/", [], 400),
        ("/ws/room/1/", [("Origin", "https://evil.example")], 403),
        ("/ws/room/1/", [("Origin", "null")], 403),
        ("/ws/room/1/", [("Origin", "https://APP.example")], nil), ("/ws/room/1/", [], nil),
        ("/ws/room/1/", [("Sec-WebSocket-Version", "8")], 426),
        ("/ws/room/1/", [("Sec-WebSocket-Key", "short")], 400),
      ]
      for (target, headers, status) in cases {
        let answer = try await Self.refusal(gateway, target, headers)
        #expect(answer == status, "\(target) \(headers)")
      }
      #expect(try await HTTPTestClient.request(port: gateway.port, "/ws/room/1/").status == 426)
    }
  }

  @Test func `A connection that has carried other requests can still be upgraded`() async throws {
    try await TestGateway.with { gateway in
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/room/1/", before: "/nothing")
      let first = try await client.message(ofType: "connection_established")
      #expect(first.text("group") == "room_1")
      try await client.close()
    }
  }

  @Test func `A bad position is explained, then the client is closed with 4004`() async throws {
    try await TestGateway.with { gateway in
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/room/1/?epoch=e1")
      #expect(try await client.message().text("code") == "bad_parameter")
      #expect(try await client.closeCode() == 4004)
    }
  }

  @Test
  func `Beyond the connection limit there is 503 with Retry-After, and places come free again`()
    async throws
  {
    try await TestGateway.with(limits: "{connections: 2}") { gateway in
      let first = try await gateway.join("1")
      _ = try await gateway.join("1")
      let error = await #expect(throws: WebSocketTestClient.Refused.self) {
        try await gateway.join("1")
      }
      #expect(error?.status == 503)
      try await first.close()
      try await eventually("there is a place again") { (try? await gateway.join("1")) != nil }
    }
  }

  @Test func `A connection that never becomes anything is closed`() async throws {
    try await TestGateway.with(limits: "{handshake_timeout: 100ms}") { gateway in
      let response = try? await HTTPTestClient.request(
        "POST", port: gateway.port, "/api/publish", headers: [("Content-Length", "100")])
      #expect(response == nil)
    }
  }
}

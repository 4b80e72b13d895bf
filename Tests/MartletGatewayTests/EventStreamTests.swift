import MartletCore
import MartletTestSupport
import Testing

/// Server-sent events: docs/protocol.md.
@Suite struct EventStreamTests {
  private func open(
    _ gateway: TestGateway, _ path: String, headers: [(String, String)] = []
  ) async throws -> EventStreamTestClient {
    try await EventStreamTestClient.connect(port: gateway.port, path, headers: headers)
  }

  @Test func `A stream begins with where the group is, and goes on with what is published`()
    async throws
  {
    try await TestGateway.with { gateway in
      let client = try await open(gateway, "/sse/ws/room/7/?name=Ann")
      #expect(client.status == 200 && client.header("content-type") == "text/event-stream")
      #expect(client.header("cache-control") == "no-store")
      let first = try await client.event()
      #expect(try first.json().text("type") == "connection_established")
      let epoch = try #require(first.json().text("position.epoch"))
      #expect(first.id == "\(epoch):0" && client.retry == 3_000)
      _ = try await gateway.publish("room_7", #"{"type":"chat_message","message":"hello"}"#)
      let event = try await client.event(ofType: "chat_message")
      #expect(event.id == "\(epoch):1")
      #expect(try event.json().text("message") == "hello" && event.json().number("offset") == 1)
    }
  }

  @Test func `Events may have line breaks between their tokens`() async throws {
    try await TestGateway.with { gateway in
      let client = try await open(gateway, "/sse/ws/room/7/")
      _ = try await client.event(ofType: "connection_established")
      _ = try await gateway.publish(
        "room_7", "{\"type\":\n\"chat_message\",\r\n\"message\":\"a\\nb\"}")
      #expect(
        try await client.event(ofType: "chat_message").json().text("message") == "a\nb")
    }
  }

  @Test func `A browser that comes back gets what it has missed`() async throws {
    try await TestGateway.with { gateway in
      let client = try await open(gateway, "/sse/ws/room/7/")
      _ = try await client.event(ofType: "connection_established")
      _ = try await gateway.publish("room_7", #"{"type":"chat_message","n":1}"#)
      let seen = try await client.event(ofType: "chat_message")
      await client.abort()
      _ = try await gateway.publish("room_7", #"{"type":"chat_message","n":2}"#)
      let next = try await open(
        gateway, "/sse/ws/room/7/", headers: [("Last-Event-ID", try #require(seen.id))])
      #expect(try await next.event().json()["recovered"] == .bool(true))
      #expect(try await next.event(ofType: "chat_message").json().number("n") == 2)
    }
  }

  @Test func `A path of a route's own and Accept lead to a stream as well`() async throws {
    let gateway = try await TestGateway.start(
      yaml: """
        listen: 127.0.0.1:0
        admin: 127.0.0.1:0
        auth: {tokens: [{algorithm: HS256, secret: "\(TestGateway.secret)"}]}
        routes:
          - path: /ws/notifications/
            event_stream_path: /realtime/sse/notifications/
            group: user_{user.id}
        """)
    try await gateway.run { gateway in
      let token = try await TestGateway.token("ann")
      let own = try await open(gateway, "/realtime/sse/notifications/?token=\(token)")
      #expect(try await own.event().json().text("group") == "user_ann")
      let accepted = try await open(
        gateway, "/ws/notifications/",
        headers: [("Accept", "text/event-stream"), ("Authorization", "Bearer \(token)")])
      #expect(try await accepted.event().json().text("group") == "user_ann")
    }
  }

  @Test func `Who may not enter is told by the status`() async throws {
    try await TestGateway.with("origins: [\"https://app.example\"]") { gateway in
      func status(
        _ path: String, _ headers: [(String, String)] = []
      ) async throws -> HTTPTestClient.Response {
        try await HTTPTestClient.request("GET", port: gateway.port, path, headers: headers)
      }
      #expect(try await status("/sse/ws/notifications/").status == 401)
      #expect(try await status("/sse/ws/notifications/?token=a.b.c").status == 401)
      let token = try await TestGateway.token("ann")
      #expect(try await status("/sse/ws/projects/7/?token=\(token)").status == 403)
      #expect(try await status("/sse/nowhere/").status == 404)
      #expect(try await status("/sse/ws/room/1/", [("Last-Event-ID", "x")]).status == 400)
      #expect(
        try await status("/sse/ws/room/1/", [("Origin", "https://evil.example")]).status == 403)
      let head = try await HTTPTestClient.request("POST", port: gateway.port, "/sse/ws/room/1/")
      #expect(head.status == 405)
    }
  }

  @Test func `Scripts of allowed pages may read the stream`() async throws {
    try await TestGateway.with("origins: [\"https://app.example\"]") { gateway in
      let origin = ("Origin", "https://app.example")
      let client = try await open(gateway, "/sse/ws/room/1/", headers: [origin])
      #expect(client.header("access-control-allow-origin") == "https://app.example")
      #expect(client.header("vary") == "Origin")
      let preflight = try await HTTPTestClient.request(
        "OPTIONS", port: gateway.port, "/sse/ws/room/1/", headers: [origin])
      #expect(preflight.status == 200)
      #expect(preflight.headers["access-control-allow-methods"] == "GET")
    }
  }

  @Test func `A quiet stream has a heartbeat, and an end`() async throws {
    try await TestGateway.with("event_stream: {heartbeat: 1s, duration: 3s}") { gateway in
      let client = try await open(gateway, "/sse/ws/room/1/")
      _ = try await client.event(ofType: "connection_established")
      try await eventually("a comment comes") { client.comments > 0 }
      let last = try await client.event(ofType: "closing")
      #expect(try last.json()["reconnect"] == .bool(true))
      #expect(try last.json().text("reason") == "connection_age")
      try await eventually("the stream ends") { client.isClosed }
    }
  }

  @Test func `A stream ends with its token, and says that coming back is of no use`() async throws {
    try await TestGateway.with { gateway in
      let token = try await TestGateway.token("ann", expiresIn: 2)
      let client = try await open(gateway, "/sse/ws/notifications/?token=\(token)")
      let last = try await client.event(ofType: "closing")
      #expect(try last.json().number("code") == 4001 && last.json()["reconnect"] == .bool(false))
      try await eventually("the stream ends") { client.isClosed }
    }
  }

  @Test func `A reader is a member, and leaves`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.join("1", name: "Bob")
      let client = try await open(gateway, "/sse/ws/room/1/?name=Ann")
      _ = try await client.event(ofType: "connection_established")
      let joined = try await client.event(ofType: "user_joined").json()
      let user = try #require(joined.text("user.id"))
      _ = try await watcher.message(ofType: "user_joined", about: user)
      await client.abort()
      _ = try await watcher.message(ofType: "user_left", about: user)
    }
  }
}

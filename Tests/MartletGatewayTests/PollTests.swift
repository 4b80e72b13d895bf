import MartletCore
import MartletGateway
import MartletTestSupport
import Testing

/// Single requests instead of a connection: docs/protocol.md, HTTP fallback.
@Suite struct PollTests {
  private func poll(
    _ gateway: TestGateway, _ query: String = "", path: String = "/poll/ws/room/7/"
  ) async throws -> HTTPTestClient.Response {
    try await HTTPTestClient.request("GET", port: gateway.port, path + query)
  }

  private func send(
    _ gateway: TestGateway, _ event: String, path: String = "/poll/ws/room/7/?name=Ann"
  ) async throws -> HTTPTestClient.Response {
    try await HTTPTestClient.request("POST", port: gateway.port, path, body: event)
  }

  /// The query of a poll that goes on behind `answer`.
  private func next(_ answer: JSONObject) throws -> String {
    let epoch = try #require(answer.text("position.epoch"))
    let offset = try #require(answer.number("position.offset"))
    return "?epoch=\(epoch)&offset=\(offset)"
  }

  @Test func `A poll without a position says at once where the group is`() async throws {
    try await TestGateway.with { gateway in
      _ = try await gateway.publish("room_7", #"{"type":"chat_message"}"#)
      let response = try await poll(gateway)
      #expect(response.status == 200 && response.headers["cache-control"] == "no-store")
      let answer = try response.json()
      #expect(answer.text("group") == "room_7" && answer.number("position.offset") == 1)
      #expect(answer.list("publications") == [] && answer["recovered"] == nil)
    }
  }

  @Test func `A poll waits for what comes, and the next goes on behind it`() async throws {
    try await TestGateway.with { gateway in
      let start = try await poll(gateway).json()
      async let waiting = poll(gateway, next(start))
      try await eventually("the poll waits") {
        try await gateway.metric("martlet_sessions") == 1
      }
      let sent = try await send(gateway, #"{"type":"chat_message","n":1}"#)
      #expect(sent.status == 200)
      #expect(try sent.json().number("offset") == 1 && sent.json().text("group") == "room_7")
      let answer = try await waiting.json()
      #expect(answer.objects("publications").map { $0.number("n") } == [1])
      #expect(answer.objects("publications")[0].text("sender.name") == "Ann")
      #expect(answer.number("position.offset") == 1)
      // What comes between two polls is there for the second.
      for number in 2...4 {
        _ = try await send(gateway, #"{"type":"chat_message","n":\#(number)}"#)
      }
      let second = try await poll(gateway, next(answer)).json()
      #expect(second.objects("publications").map { $0.number("n") } == [2, 3, 4])
      #expect(second["recovered"] == .bool(true) && second.number("position.offset") == 4)
    }
  }

  @Test func `A poll in which nothing comes ends by itself, where it began`() async throws {
    try await TestGateway.with { gateway in
      let start = try await poll(gateway).json()
      let answer = try await poll(gateway, next(start) + "&wait=1").json()
      #expect(answer.list("publications") == [])
      #expect(answer["position"] == start["position"])
      try await eventually("its session is gone") {
        try await gateway.metric("martlet_sessions") == 0
      }
    }
  }

  @Test func `A position that is of no use any more is answered at once`() async throws {
    try await TestGateway.with { gateway in
      _ = try await gateway.publish("room_7", #"{"type":"chat_message"}"#)
      let answer = try await poll(gateway, "?epoch=other&offset=0").json()
      #expect(answer["recovered"] == .bool(false) && answer.number("position.offset") == 1)
    }
  }

  @Test func `Polls and connections see the same`() async throws {
    try await TestGateway.with { gateway in
      let client = try await gateway.join("7", name: "Bob")
      let start = try await poll(gateway).json()
      _ = try await send(gateway, #"{"type":"chat_message","n":1}"#)
      #expect(try await client.message(ofType: "chat_message").number("n") == 1)
      try await client.send(#"{"type":"chat_message","n":2}"#)
      _ = try await client.message(ofType: "chat_message")
      let answer = try await poll(gateway, next(start)).json()
      #expect(answer.objects("publications").map { $0.number("n") } == [1, 2])
    }
  }

  @Test func `A poller with a token is a member as long as it polls`() async throws {
    try await TestGateway.with(grace: "10s") { gateway in
      let watcher = try await gateway.join("7", name: "Bob")
      let token = try await TestGateway.token("ann")
      let path = "/poll/ws/room/7/"
      let start = try await poll(gateway, "?token=\(token)", path: path).json()
      // Nobody is told of who was only here for a moment.
      async let waiting = poll(gateway, try next(start) + "&wait=2&token=\(token)")
      _ = try await watcher.message(ofType: "user_joined", about: "ann")
      _ = try await waiting
      for _ in 0..<2 { _ = try await poll(gateway, try next(start) + "&wait=1&token=\(token)") }
      _ = try await gateway.publish("room_7", #"{"type":"chat_message"}"#)
      let types = try await watcher.types(upTo: "chat_message")
      #expect(!types.contains("user_left") && !types.contains("user_joined"))
    }
  }

  @Test(arguments: [
    ("GET", "/poll/nowhere/", "", 404), ("PUT", "/poll/ws/room/7/", "", 405),
    ("GET", "/poll/ws/notifications/", "", 401), ("POST", "/poll/ws/notifications/", "{}", 401),
    ("GET", "/poll/ws/room/7/?wait=x", "", 400), ("GET", "/poll/ws/room/7/?wait=9999", "", 400),
    ("GET", "/poll/ws/room/7/?epoch=e", "", 400), ("POST", "/poll/ws/room/7/", "no json", 400),
    ("POST", "/poll/ws/room/7/", #"{"type":"unknown"}"#, 400),
    ("POST", "/poll/ws/room/7/", #"{"type":"ping"}"#, 400),
    ("POST", "/poll/ws/room/7/", #"{"type":"page_change","page":"x"}"#, 400),
  ])
  func `A request that is wrong has a status that says so`(
    method: String, path: String, body: String, status: Int
  ) async throws {
    try await TestGateway.with { gateway in
      let response = try await HTTPTestClient.request(method, port: gateway.port, path, body: body)
      #expect(response.status == status)
      #expect(try !(response.json().text("error.message") ?? "").isEmpty)
    }
  }

  @Test func `Who stops waiting is forgotten`() async throws {
    try await TestGateway.with { gateway in
      let start = try await poll(gateway).json()
      let client = try await EventStreamTestClient.send(
        port: gateway.port, "/poll/ws/room/7/" + next(start) + "&wait=60")
      try await eventually("the poll waits") {
        try await gateway.metric("martlet_sessions") == 1
      }
      await client.abort()
      try await eventually("nobody waits") {
        try await gateway.metric("martlet_sessions") == 0
      }
    }
  }

  @Test func `A gateway that stops lets polls go on elsewhere`() async throws {
    let gateway = try await TestGateway.start()
    let start = try await poll(gateway).json()
    async let waiting = poll(gateway, next(start) + "&wait=60")
    try await eventually("the poll waits") { try await gateway.metric("martlet_sessions") == 1 }
    await gateway.server.drain()
    let answer = try await waiting
    #expect(answer.status == 200)
    #expect(try answer.json()["position"] == start["position"])
  }
}

import MartletCore
import MartletGateway
import MartletHTTP2
import MartletTestSupport
import NIOHTTP1
import Testing

/// Requests whose connections go on, or may not, whichever version of HTTP they came by.
@Suite struct RequestEndTests {
  @Test(arguments: ["websocket", "h2c"])
  func `A connection ends with an upgrade that is refused: nothing can be read behind it`(
    protocol name: String
  ) async throws {
    try await TestGateway.with(limits: "{handshake_timeout: 5m}") { gateway in
      let client = try await EventStreamTestClient.connect(
        port: gateway.port, "/nowhere",
        headers: [("Upgrade", name), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")])
      #expect(client.status == 404 && client.header("connection") == "close")
      try await eventually("the connection is closed") { client.isClosed }
    }
  }

  @Test func `A gateway that stops lets go of connections that wait for a next request`()
    async throws
  {
    let gateway = try await TestGateway.start(limits: "{drain_timeout: 3s}")
    // Two, since the first one ends at once.
    let stay = [try await gateway.join("1"), try await gateway.join("1")]
    let client = try await EventStreamTestClient.connect(port: gateway.port, "/poll/ws/room/7/")
    #expect(client.status == 200 && client.header("connection") != "close")
    async let drained: Void = gateway.server.drain()
    _ = try await stay[0].message(ofType: "draining")
    try await client.ask("/poll/ws/room/7/")
    try await eventually("the connection is closed") { client.isClosed }
    #expect(client.text.contains("503 Service Unavailable"))
    #expect(client.text.lowercased().contains("connection: close"))
    await drained
    for client in stay { await client.abort() }
  }

  @Test func `The answer to HEAD has no body over HTTP/2 either`() async throws {
    try await TestGateway.with { gateway in
      let client = try await HTTP2TestClient.connect(port: gateway.port)
      let answer = try await client.request(.HEAD, "/api/users/x")
      try await eventually("the stream ends") { answer.isEnded }
      #expect(answer.status == 401 && answer.closure == .finished && answer.text.isEmpty)
    }
  }

  @Test func `A request on a stream has to be whole in time`() async throws {
    try await TestGateway.with(limits: "{handshake_timeout: 300ms}") { gateway in
      let client = try await HTTP2TestClient.connect(port: gateway.port)
      let slow = try await client.beginRequest(.POST, "/api/publish")
      let waiting = try await client.webSocket("/ws/room/7/")
      try await eventually("the stream ends") { slow.isEnded }
      // Others are not in a hurry.
      try await waiting.send(#"{"type":"ping"}"#)
      _ = try await waiting.message(ofType: "pong")
      #expect(!client.isClosed)
    }
  }

  @Test func `What a browser has seen last goes before what its page had asked for`()
    async throws
  {
    try await TestGateway.with { gateway in
      let first = try await EventStreamTestClient.connect(
        port: gateway.port, "/sse/ws/room/7/")
      let epoch = try #require(
        try await first.event(ofType: "connection_established").json().text("position.epoch"))
      for number in 1...3 {
        _ = try await gateway.publish("room_7", #"{"type":"chat_message","n":\#(number)}"#)
      }
      let again = try await EventStreamTestClient.connect(
        port: gateway.port, "/sse/ws/room/7/?epoch=\(epoch)&offset=0",
        headers: [("Last-Event-ID", "\(epoch):2")])
      let established = try await again.event(ofType: "connection_established").json()
      #expect(established["recovered"] == .bool(true))
      #expect(established.number("position.offset") == 2)
      #expect(try await again.event(ofType: "chat_message").json().number("n") == 3)
    }
  }

  @Test func `An event that is sent by POST is no larger than on a connection`() async throws {
    try await TestGateway.with(limits: "{message_size: 1KiB}") { gateway in
      let long = String(repeating: "x", count: 1_500)
      let answer = try await HTTPTestClient.request(
        "POST", port: gateway.port, "/poll/ws/room/7/",
        body: #"{"type":"chat_message","text":"\#(long)"}"#)
      #expect(answer.status == 413)
      #expect(try answer.json().text("error.code") == "too_large")
    }
  }

  @Test func `An event for a group of another path is not taken for that of its own`()
    async throws
  {
    try await TestGateway.with { gateway in
      func send(_ group: String) async throws -> HTTPTestClient.Response {
        try await HTTPTestClient.request(
          "POST", port: gateway.port, "/poll/ws/room/7/",
          body: #"{"type":"chat_message","group":"\#(group)"}"#)
      }
      let answer = try await send("room_8")
      #expect(answer.status == 400)
      #expect(try answer.json().text("error.code") == "not_subscribed")
      #expect(try await send("room_7").status == 200)
    }
  }

  @Test func `Pages of other origins may read how long to wait, and ask whether they may ask`()
    async throws
  {
    try await TestGateway.with("origins: [\"https://app.example\"]") { gateway in
      let origin = (name: "Origin", value: "https://app.example")
      let answer = try await HTTPTestClient.request(
        port: gateway.port, "/poll/ws/room/7/", headers: [origin])
      #expect(answer.headers["access-control-expose-headers"] == "Retry-After")
      // The path of the WebSocket itself, read as a stream of events.
      let preflight = try await HTTPTestClient.request(
        "OPTIONS", port: gateway.port, "/ws/room/7/",
        headers: [
          origin, (name: "Access-Control-Request-Method", value: "GET"),
          (name: "Access-Control-Request-Headers", value: "authorization"),
        ])
      #expect(preflight.status == 200)
      #expect(
        preflight.headers["access-control-allow-headers"]?.contains("Authorization") == true)
    }
  }
}

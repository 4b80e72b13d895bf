import Foundation
import MartletCore
import MartletGateway
import MartletTestSupport
import NIOHTTP1
import Testing

/// All transports on streams of HTTP/2: by prior knowledge, and behind TLS.
@Suite struct HTTP2Tests {
  @Test func `A WebSocket on a stream joins, publishes and recovers`() async throws {
    try await TestGateway.with { gateway in
      let client = try await HTTP2TestClient.connect(port: gateway.port)
      let first = try await client.webSocket("/ws/room/7/?name=Ann")
      #expect(first.status == 200)
      let established = try await first.message(ofType: "connection_established")
      let epoch = try #require(established.text("position.epoch"))
      try await first.send(#"{"type":"chat_message","n":1,"ref":"r"}"#)
      #expect(try await first.message(ofType: "chat_message").text("sender.name") == "Ann")
      try await first.reset()
      _ = try await gateway.publish("room_7", #"{"type":"chat_message","n":2}"#)
      let second = try await client.webSocket("/ws/room/7/?epoch=\(epoch)&offset=1")
      let again = try await second.message(ofType: "connection_established")
      #expect(again["recovered"] == .bool(true))
      #expect(try await second.message(ofType: "chat_message").number("n") == 2)
    }
  }

  @Test func `Streams of one connection and connections of their own are members alike`()
    async throws
  {
    try await TestGateway.with { gateway in
      let client = try await HTTP2TestClient.connect(port: gateway.port)
      var streams: [HTTP2TestClient.Stream] = []
      for _ in 0..<20 { streams.append(try await client.webSocket("/ws/room/7/")) }
      let other = try await gateway.join("7")
      for stream in streams { _ = try await stream.message(ofType: "connection_established") }
      try await other.send(#"{"type":"chat_message","n":1}"#)
      for stream in streams {
        #expect(try await stream.message(ofType: "chat_message").number("n") == 1)
      }
      #expect(try await gateway.metric("martlet_sessions") == 21)
      await client.abort()
      try await eventually("its members are gone") {
        try await gateway.metric("martlet_sessions") == 1
      }
    }
  }

  @Test func `Who may not enter is told by a close code`() async throws {
    try await TestGateway.with { gateway in
      let client = try await HTTP2TestClient.connect(port: gateway.port)
      #expect(try await client.webSocket("/ws/notifications/").closeCode() == 4001)
      let token = try await TestGateway.token("ann")
      let refused = try await client.webSocket(
        "/ws/projects/7/", headers: ["authorization": "Bearer \(token)"])
      #expect(try await refused.closeCode() == 4003)
      #expect(try await client.webSocket("/nowhere").status == 404)
    }
  }

  @Test func `Rules of WebSockets hold on a stream`() async throws {
    try await TestGateway.with(limits: "{message_size: 1KiB}") { gateway in
      let client = try await HTTP2TestClient.connect(port: gateway.port)
      let stream = try await client.webSocket("/ws/room/7/")
      _ = try await stream.message(ofType: "connection_established")
      let long = String(repeating: "x", count: 2_000)
      try await stream.send(#"{"type":"chat_message","message":"\#(long)"}"#)
      #expect(try await stream.message(ofType: "error").text("code") == "too_large")
    }
  }

  @Test func `The API and streams of events are there as well`() async throws {
    try await TestGateway.with { gateway in
      let client = try await HTTP2TestClient.connect(port: gateway.port)
      let events = try await client.request(.GET, "/sse/ws/room/7/")
      #expect(events.status == 200)
      try await eventually("the stream begins") { events.text.contains("connection_established") }
      let published = try await client.request(
        .POST, "/api/publish", headers: ["authorization": "Bearer \(TestGateway.apiKey)"],
        body: #"{"group":"room_7","event":{"type":"chat_message","n":5}}"#)
      #expect(published.status == 200)
      try await eventually("the answer is whole") { published.isEnded }
      #expect(try JSONObject(published.text).number("offset") == 1)
      try await eventually("the event comes") { events.text.contains(#""n":5"#) }
      let refused = try await client.request(.GET, "/api/history/room_7")
      #expect(refused.status == 401)
      let poll = try await client.request(.GET, "/poll/ws/room/7/")
      try await eventually("the poll is answered") { poll.isEnded }
      #expect(try JSONObject(poll.text).number("position.offset") == 1)
    }
  }

  @Test func `A stream that nobody reads holds up no other`() async throws {
    try await TestGateway.with(limits: "{pending_bytes: 64KiB}") { gateway in
      let client = try await HTTP2TestClient.connect(port: gateway.port)
      let slow = try await client.webSocket("/ws/room/7/")
      _ = try await slow.message(ofType: "connection_established")
      let quick = try await client.webSocket("/ws/room/8/")
      _ = try await quick.message(ofType: "connection_established")
      try await slow.setReading(false)
      let long = String(repeating: "x", count: 20_000)
      for number in 0..<20 {
        _ = try await gateway.publish("room_7", #"{"type":"chat_message","text":"\#(long)"}"#)
        _ = try await gateway.publish("room_8", #"{"type":"chat_message","n":\#(number)}"#)
        #expect(try await quick.message(ofType: "chat_message").number("n") == number)
      }
      try await slow.setReading(true)
      #expect(try await slow.closeCode() == 4006)
    }
  }

  @Test func `A gateway that stops says so, and lets streams go`() async throws {
    let gateway = try await TestGateway.start(limits: "{drain_timeout: 500ms}")
    let client = try await HTTP2TestClient.connect(port: gateway.port)
    let stream = try await client.webSocket("/ws/room/7/")
    _ = try await stream.message(ofType: "connection_established")
    async let drained: Void = gateway.server.drain()
    #expect(try await stream.message(ofType: "draining")["reconnect_after"] != nil)
    #expect(try await stream.closeCode() == 1012)
    await drained
    #expect(client.isAskedToGo)
    try await eventually("the connection is closed") { client.isClosed }
  }
}

/// The listener with TLS.
@Suite struct SecureGatewayTests {
  private func start(_ more: String = "") async throws -> (TestGateway, TestCertificates) {
    let certificates = try await TestCertificates.make()
    let identity = certificates.server
    let gateway = try await TestGateway.start(
      """
      tls:
        certificate_file: \(identity.certificateFile)
        private_key_file: \(identity.privateKeyFile)
      \(more)
      """)
    return (gateway, certificates)
  }

  @Test func `HTTP/2 is chosen by ALPN, and carries WebSockets`() async throws {
    let (gateway, certificates) = try await start()
    try await gateway.run { gateway in
      let client = try await HTTP2TestClient.connect(
        port: gateway.port, authority: certificates.authorityFile)
      let stream = try await client.webSocket("/ws/room/7/")
      _ = try await stream.message(ofType: "connection_established")
      _ = try await gateway.publishSecurely("room_7", client)
      #expect(try await stream.message(ofType: "chat_message").number("n") == 1)
    }
  }

  @Test func `A WebSocket over HTTP/1.1 goes through TLS, however much it brings`() async throws {
    let (gateway, certificates) = try await start()
    try await gateway.run { gateway in
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/room/7/", authority: certificates.authorityFile)
      _ = try await client.message(ofType: "connection_established")
      let long = String(repeating: "0123456789", count: 5_000)
      for number in 0..<20 {
        try await client.send(#"{"type":"chat_message","n":\#(number),"text":"\#(long)"}"#)
        let event = try await client.message(ofType: "chat_message")
        #expect(event.number("n") == number && event.text("text") == long)
      }
      try await client.close()
    }
  }

  @Test func `Plain text is not answered where TLS is spoken`() async throws {
    let (gateway, _) = try await start()
    try await gateway.run { gateway in
      await #expect(throws: (any Error).self) {
        _ = try await HTTPTestClient.request(port: gateway.port, "/api/history/x")
      }
    }
  }
}

extension TestGateway {
  fileprivate func publishSecurely(
    _ group: String, _ client: HTTP2TestClient
  ) async throws -> HTTP2TestClient.Stream {
    try await client.request(
      .POST, "/api/publish", headers: ["authorization": "Bearer \(Self.apiKey)"],
      body: #"{"group":"\#(group)","event":{"type":"chat_message","n":1}}"#)
  }
}

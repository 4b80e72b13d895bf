import MartletCore
import MartletTestSupport
import NIOHTTP1
import Testing

/// What a gateway takes no more of: docs/configuration.md, limits.
@Suite struct LimitTests {
  @Test func `An address has so many connections, and a new one when an old one has gone`()
    async throws
  {
    try await TestGateway.with(limits: "{connections_per_address: 2}") { gateway in
      let first = try await gateway.join("1")
      _ = try await gateway.join("1")
      let refused = await #expect(throws: WebSocketTestClient.Refused.self) {
        _ = try await gateway.join("1")
      }
      #expect(refused?.status == 503)
      let answer = try await HTTPTestClient.request(port: gateway.port, "/api/users/x")
      #expect(answer.status == 503 && answer.headers["retry-after"] == "5")
      await first.abort()
      try await eventually("a place is free") {
        (try? await gateway.join("1")) != nil
      }
      #expect(try await (gateway.metric("martlet_connections_refused_total") ?? 0) >= 2)
    }
  }

  @Test func `Connections come no faster than allowed`() async throws {
    try await TestGateway.with(limits: "{accept_rate: 1, accept_burst: 3}") { gateway in
      var statuses: [Int] = []
      try await eventually("one is too many") {
        let answer = try await HTTPTestClient.request(port: gateway.port, "/api/users/x")
        statuses.append(answer.status)
        return answer.status == 503
      }
      #expect(statuses.dropLast().allSatisfy { $0 == 401 } && statuses.count > 3)
      try await eventually("another one is taken") {
        try await HTTPTestClient.request(port: gateway.port, "/api/users/x").status == 401
      }
    }
  }

  @Test func `A connection publishes no faster than allowed, and is told when again`() async throws
  {
    try await TestGateway.with(limits: "{publish_rate: 1, publish_burst: 2}") { gateway in
      let client = try await gateway.join("1")
      for number in 1...3 {
        try await client.send(#"{"type":"chat_message","ref":\#(number)}"#)
      }
      let error = try await client.message(ofType: "error")
      #expect(error.text("code") == "rate_limited" && error.number("ref") == 3)
      #expect((1...1_000).contains(error.number("retry_after") ?? 0))
      // What is no publication is not limited.
      try await client.send(#"{"type":"ping","ref":4}"#)
      #expect(try await client.message(ofType: "pong").number("ref") == 4)
      var isTaken = false
      try await eventually("it may publish again") {
        try await client.send(#"{"type":"chat_message","ref":5}"#)
        while true {
          let message = try await client.message()
          if message.text("type") == "ack", message.number("ref") == 5 { isTaken = true }
          if isTaken { return true }
          if message.text("type") == "error" { return false }
        }
      }
    }
  }

  @Test func `A connection publishes no faster by single requests`() async throws {
    try await TestGateway.with(limits: "{publish_rate: 1, publish_burst: 2}") { gateway in
      let client = try await HTTP2TestClient.connect(port: gateway.port)
      var statuses: [Int?] = []
      // However slow this is, requests come faster than one a second.
      try await eventually("one is too many") {
        let answer = try await client.request(
          .POST, "/poll/ws/room/1/", body: #"{"type":"chat_message"}"#)
        statuses.append(answer.status)
        return answer.status == 429
      }
      #expect(statuses.dropLast().allSatisfy { $0 == 200 } && statuses.count > 2)
      let other = try await HTTPTestClient.request(
        "POST", port: gateway.port, "/poll/ws/room/1/", body: #"{"type":"chat_message"}"#)
      #expect(other.status == 200)
    }
  }

  @Test func `A user has one quota on all connections, over HTTP as well`() async throws {
    try await TestGateway.with(limits: "{user_publications: {count: 3, per: 10m}}") { gateway in
      let token = try await TestGateway.token("ann")
      let path = "/ws/room/1/?token=\(token)"
      let first = try await WebSocketTestClient.connect(port: gateway.port, path)
      let second = try await WebSocketTestClient.connect(port: gateway.port, path)
      for (number, client) in [first, second].enumerated() {
        _ = try await client.message(ofType: "connection_established")
        try await client.send(#"{"type":"chat_message","ref":\#(number)}"#)
        _ = try await client.message(ofType: "ack")
      }
      let posted = try await HTTPTestClient.request(
        "POST", port: gateway.port, "/poll/ws/room/1/?token=\(token)",
        body: #"{"type":"chat_message"}"#)
      #expect(posted.status == 200)
      try await first.send(#"{"type":"chat_message","ref":9}"#)
      let error = try await first.message(ofType: "error")
      #expect(error.text("code") == "rate_limited" && error.number("ref") == 9)
      #expect((error.number("retry_after") ?? 0) > 500_000)
      let refused = try await HTTPTestClient.request(
        "POST", port: gateway.port, "/poll/ws/room/1/?token=\(token)",
        body: #"{"type":"chat_message"}"#)
      #expect(refused.status == 429 && refused.headers["retry-after"] != nil)
      // Another user is another quota.
      let bob = try await gateway.connect("1", as: "bob")
      try await bob.send(#"{"type":"chat_message","ref":1}"#)
      _ = try await bob.message(ofType: "ack")
    }
  }

  @Test func `Events that wait for the quota keep their order`() async throws {
    try await TestGateway.with(limits: "{user_publications: {count: 100, per: 10m}}") { gateway in
      let client = try await gateway.join("1")
      for number in 0..<50 { try await client.send(#"{"type":"chat_message","n":\#(number)}"#) }
      for number in 0..<50 {
        #expect(try await client.message(ofType: "chat_message").number("n") == number)
      }
    }
  }

  @Test func `A connection that is old enough is asked to come back`() async throws {
    try await TestGateway.with(limits: "{connection_age: 1s, connection_age_jitter: 0s}") {
      gateway in
      let client = try await gateway.join("1")
      #expect(try await client.closeCode() == 4008)
    }
  }

  @Test func `A head that is too large is refused`() async throws {
    try await TestGateway.with(limits: "{header_size: 2KiB}") { gateway in
      let long = String(repeating: "x", count: 5_000)
      let response = try await HTTPTestClient.request(
        port: gateway.port, "/api/users/x", headers: [("X-Long", long)])
      #expect(response.status == 431)
      let target = try await HTTPTestClient.request(port: gateway.port, "/api/users/\(long)")
      #expect([414, 431].contains(target.status))
    }
  }

  @Test func `A message comes back as it went, where that is what a path is for`() async throws {
    let gateway = try await TestGateway.start(
      yaml: """
        listen: 127.0.0.1:0
        admin: 127.0.0.1:0
        limits: {message_size: 1MiB, frame_size: 1MiB}
        routes: [{path: /echo, kind: echo}]
        """)
    try await gateway.run { gateway in
      let client = try await WebSocketTestClient.connect(port: gateway.port, "/echo")
      try await client.send("any text: é")
      #expect(try await client.frame().text == "any text: é")
      let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
      try await client.send(opcode: 2, bytes)
      let frame = try await client.frame()
      #expect(frame.opcode == 2 && frame.payload == bytes)
      #expect(try await gateway.metric("martlet_sessions") == 1)
      try await client.send(opcode: 1, [UInt8](repeating: 65, count: 1 << 20), isFinal: false)
      try await client.send(opcode: 0, [65])
      #expect(try await client.closeCode() == 1009)
    }
  }
}

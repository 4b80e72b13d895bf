import MartletCore
import MartletTestSupport
import NIOCore
import Testing

@testable import MartletGateway

@Suite struct MessagingTests {
  @Test func `A message reaches every member with its sender, group and offset`() async throws {
    try await TestGateway.with { gateway in
      var members: [WebSocketTestClient] = []
      for _ in 0..<5 { members.append(try await gateway.join("7")) }
      let stranger = try await gateway.join("8")
      try await members[0].send(#"{"type":"chat_message","message":"Hello","ref":"r1"}"#)
      for member in members {
        let message = try await member.message(ofType: "chat_message")
        #expect(message.text("message") == "Hello" && message.text("sender.name") == "Ann")
        #expect(message.text("group") == "room_7" && message.number("offset") == 1)
        #expect(message["ref"] == nil)
      }
      _ = try await gateway.publish("room_8", #"{"type":"done"}"#)
      #expect(try await stranger.message(ofType: "done").number("offset") == 1)
    }
  }

  @Test func `An ack carries the ref and the position`() async throws {
    try await TestGateway.with { gateway in
      let client = try await gateway.join("7")
      try await client.send(#"{"type":"chat_message","ref":"a"}"#)
      let ack = try await client.message(ofType: "ack")
      #expect(ack.text("ref") == "a" && ack.number("offset") == 1 && ack.text("epoch") != nil)
      try await client.send(#"{"type":"user_typing","ref":2}"#)
      let second = try await client.message(ofType: "ack")
      #expect(second.number("ref") == 2 && second["offset"] == nil)
    }
  }

  @Test func `The sender of an event that excludes it does not receive it`() async throws {
    try await TestGateway.with { gateway in
      let sender = try await gateway.join("7")
      let other = try await gateway.join("7")
      try await sender.send(#"{"type":"user_typing"}"#)
      try await sender.send(#"{"type":"chat_message"}"#)
      let typing = try await other.message(ofType: "user_typing")
      #expect(typing["offset"] == nil)
      var types: [String] = []
      repeat {
        types.append(try await sender.message().text("type") ?? "")
      } while types.last != "chat_message"
      #expect(!types.contains("user_typing"))
    }
  }

  @Test func `Messages of one client keep their order`() async throws {
    try await TestGateway.with { gateway in
      let sender = try await gateway.join("7")
      let reader = try await gateway.join("7")
      for number in 0..<1_000 {
        try await sender.send(#"{"type":"chat_message","number":\#(number)}"#)
      }
      for number in 0..<1_000 {
        let message = try await reader.message(ofType: "chat_message")
        #expect(message.number("number") == number && message.number("offset") == number + 1)
      }
    }
  }

  @Test func `An idempotency id publishes once, even after a reconnect`() async throws {
    try await TestGateway.with { gateway in
      let event = #"{"type":"chat_message","idempotency_id":"x","ref":1}"#
      let first = try await gateway.join("7")
      try await first.send(event)
      let position = try await first.message(ofType: "ack").number("offset")
      await first.abort()
      let second = try await gateway.join("7")
      try await second.send(event)
      #expect(try await second.message(ofType: "ack").number("offset") == position)
    }
  }

  @Test func `Bad messages get an error and the session stays open`() async throws {
    try await TestGateway.with(limits: "{message_size: 1KiB, frame_size: 8KiB}") { gateway in
      let client = try await gateway.join("7")
      let large = String(repeating: "x", count: 2_000)
      for (text, code) in [
        ("no json", "malformed"), ("{}", "missing_type"),
        (#"{"type":"task_created"}"#, "unknown_type"),
        (#"{"type":"chat_message","sender":{}}"#, "reserved_field"),
        (#"{"type":"chat_message","m":"\#(large)"}"#, "too_large"),
      ] {
        try await client.send(text)
        let error = try await client.message(ofType: "error")
        #expect(error.text("code") == code && error.text("message")?.isEmpty == false)
      }
      try await client.send(opcode: 2, [1, 2, 3])
      #expect(try await client.message(ofType: "error").text("code") == "binary")
      try await client.send(#"{"type":"ping","ref":"still here"}"#)
      #expect(try await client.message(ofType: "pong").text("ref") == "still here")
    }
  }

  @Test func `A client that reconnects with its position gets exactly what it missed`() async throws
  {
    try await TestGateway.with { gateway in
      _ = try await gateway.publish("room_7", #"{"type":"old"}"#)
      let client = try await WebSocketTestClient.connect(port: gateway.port, "/ws/room/7/")
      let first = try await client.message(ofType: "connection_established")
      let epoch = try #require(first.text("position.epoch"))
      #expect(first.number("position.offset") == 1)
      await client.abort()
      for number in 2...6 {
        _ = try await gateway.publish("room_7", #"{"type":"n","v":\#(number)}"#)
      }
      let again = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/room/7/?epoch=\(epoch)&offset=1")
      let established = try await again.message(ofType: "connection_established")
      #expect(established["recovered"] == .bool(true))
      // The position is the client's own: what follows moves it on.
      #expect(established.number("position.offset") == 1)
      for number in 2...6 {
        let message = try await again.message(ofType: "n")
        #expect(message.number("v") == number && message.number("offset") == number)
      }
      _ = try await gateway.publish("room_7", #"{"type":"n","v":7}"#)
      #expect(try await again.message(ofType: "n").number("offset") == 7)
    }
  }

  @Test func `What cannot be recovered as a whole is refused, never shortened`() async throws {
    try await TestGateway.with { gateway in
      for number in 1...80 {
        _ = try await gateway.publish("room_7", #"{"type":"n","v":\#(number)}"#)
      }
      let client = try await gateway.join("7")
      await client.abort()
      let epoch = try await gateway.publish("room_7", #"{"type":"n"}"#).text("epoch") ?? ""
      for query in [
        "epoch=\(epoch)&offset=5", "epoch=stranger&offset=81", "epoch=\(epoch)&offset=99",
      ] {
        let again = try await WebSocketTestClient.connect(
          port: gateway.port, "/ws/room/7/?\(query)")
        let established = try await again.message(ofType: "connection_established")
        #expect(established["recovered"] == .bool(false))
        #expect(established.number("position.offset") == 81)
      }
    }
  }

  @Test func `Nobody misses or repeats anything while members come and go under load`() async throws
  {
    try await TestGateway.with { gateway in
      let total = 600
      async let publishing: Void = {
        for number in 1...total {
          _ = try await gateway.publish("room_7", #"{"type":"n","v":\#(number)}"#)
        }
      }()
      for _ in 0..<8 {
        let client = try await WebSocketTestClient.connect(port: gateway.port, "/ws/room/7/")
        let first = try await client.message(ofType: "connection_established")
        var offset = try #require(first.number("position.offset"))
        for _ in 0..<20 where offset < total {
          let next = try await client.message(ofType: "n").number("offset")
          #expect(next == offset + 1)
          offset += 1
        }
        await client.abort()
      }
      try await publishing
    }
  }

  @Test func `A client that does not read is closed as a slow consumer, others are not held up`()
    async throws
  {
    try await TestGateway.with(limits: "{pending_bytes: 64KiB}") { gateway in
      let slow = try await gateway.join("7")
      let quick = try await gateway.join("7")
      try await slow.setReading(false)
      let filler = String(repeating: "x", count: 60_000)
      var sent = 0
      // The kernel's buffers take some megabytes first.
      try await eventually("the slow one is closed") {
        for _ in 0..<20 {
          _ = try await gateway.publish("room_7", #"{"type":"n","x":"\#(filler)"}"#)
          sent += 1
          #expect(try await quick.message(ofType: "n").number("offset") == sent)
        }
        let metrics = try await HTTPTestClient.request(port: gateway.adminPort, "/metrics").body
        return metrics.contains(#"martlet_sessions_closed_total{reason="slow_consumer"} 1"#)
      }
      await slow.abort()
    }
  }
}

import MartletCore
import MartletTestSupport
import Testing

@testable import MartletGateway

/// What connections say of themselves.
@Suite struct PresenceMetaTests {
  @Test func `A connection may bring its meta in the query`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let meta = #"{ "page": "/a b?c=d&e", "n": [1, 2], "é": "+" }"#
      let bob = try await gateway.connect("7", as: "bob", presence: meta)
      let first = try await bob.message(ofType: "connection_established")
      #expect(first.number("member_count") == 2)
      let expected: [JSONValue] = [.object(try JSONObject(meta).fields)]
      let own = try #require(first.object("members", id: "bob"))
      #expect(own.list("metas") == expected && own.text("name") == "Bob")
      #expect(own.number("connections") == 1 && own["is_active"] == .bool(true))
      #expect(own.text("status") == "available")
      let joined = try await watcher.message(ofType: "user_joined", about: "bob")
      #expect(joined.list("metas") == expected && joined.number("count") == 2)
      #expect(joined.text("user.name") == "Bob" && joined.text("group") == "room_7")
      let member = try #require(try await gateway.member("bob", of: "7"))
      #expect(member.list("metas") == expected)
      #expect(member.number("joined_at") == joined.number("joined_at"))
    }
  }

  @Test func `A member without meta has an empty list of them`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      _ = try await gateway.enter("7", as: "bob", presence: "{}")
      let joined = try await watcher.message(ofType: "user_joined", about: "bob")
      #expect(joined.list("metas") == [])
      #expect(try await gateway.member("bob", of: "7")?.list("metas") == [])
    }
  }

  @Test(arguments: ["x", "[1]", "null", #"{"a":1"#, #"{"a":"123456789"}"#, " "])
  func `A meta that is no object or too large is explained, then the client is closed with 4004`(
    meta: String
  ) async throws {
    try await TestGateway.with(presence: "meta_size: 16B") { gateway in
      let client = try await gateway.connect("7", as: "bob", presence: meta)
      let error = try await client.message()
      #expect(error.text("type") == "error" && error.text("code") == "bad_parameter")
      #expect(error.text("message")?.hasPrefix("presence: ") == true)
      #expect(try await client.closeCode() == 4004)
      #expect(try await gateway.member("bob", of: "7") == nil)
    }
  }

  @Test func `Where there is no presence, the parameter means nothing`() async throws {
    try await TestGateway.with { gateway in
      let token = try await TestGateway.token("u9")
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/notifications/?token=\(token)&presence=x")
      let first = try await client.message()
      #expect(first.text("type") == "connection_established")
      #expect(first["members"] == nil && first["member_count"] == nil)
    }
  }

  @Test func `An update of the meta is acknowledged, and told to everybody`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let bob = try await gateway.enter("7", as: "bob", presence: #"{"page":"a","tab":1}"#)
      _ = try await watcher.message(ofType: "user_joined", about: "bob")
      try await bob.send(
        #"{"type":"presence_update","meta":{ "page": "b", "tab": null },"ref":"r"}"#)
      let ack = try await bob.message(ofType: "ack")
      #expect(ack.text("ref") == "r" && ack.text("group") == "room_7" && ack["offset"] == nil)
      for client in [watcher, bob] {
        let updated = try await client.message(ofType: "presence_updated", about: "bob")
        #expect(updated.list("metas") == [.object(["page": .string("b")])])
        #expect(updated["status"] == nil && updated["offset"] == nil)
        #expect(updated.text("group") == "room_7" && updated.text("user.name") == "Bob")
      }
      #expect(
        try await gateway.member("bob", of: "7")?.list("metas")
          == [.object(["page": .string("b")])])
    }
  }

  @Test func `An event of kind presence changes the meta, and is not passed on`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let bob = try await gateway.enter("7", as: "bob", presence: #"{"tab":1}"#)
      try await bob.send(
        #"{"type":"page_change","page":"/x","tab":null,"ref":5,"idempotency_id":"i"}"#)
      let ack = try await bob.message(ofType: "ack")
      #expect(ack.number("ref") == 5 && ack["offset"] == nil)
      try await bob.send(#"{"type":"chat_message"}"#)
      #expect(try await !watcher.types(upTo: "chat_message").contains("page_change"))
      try await eventually("the page has changed") {
        try await gateway.member("bob", of: "7")?.list("metas")
          == [.object(["page": .string("/x")])]
      }
    }
  }

  @Test func `Without a ref nothing is acknowledged`() async throws {
    try await TestGateway.with { gateway in
      let bob = try await gateway.enter("7", as: "bob")
      try await bob.send(#"{"type":"page_change","page":"/x"}"#)
      try await bob.send(#"{"type":"presence_update","meta":{"a":1}}"#)
      try await bob.send(#"{"type":"presence_update","status":"away"}"#)
      try await bob.send(#"{"type":"ping"}"#)
      #expect(try await !bob.types(upTo: "pong").contains("ack"))
    }
  }

  @Test func `A meta above the limit is refused as a whole, and the session stays open`()
    async throws
  {
    try await TestGateway.with(presence: "meta_size: 24B") { gateway in
      let bob = try await gateway.enter("7", as: "bob", presence: #"{"page":"a"}"#)
      let large = #""page":"b","more":"123456789""#
      for frame in [
        #"{"type":"presence_update","meta":{\#(large)},"status":"away","ref":"r"}"#,
        #"{"type":"page_change",\#(large),"ref":"r"}"#,
      ] {
        try await bob.send(frame)
        let error = try await bob.message(ofType: "error")
        #expect(error.text("code") == "too_large" && error.text("ref") == "r")
        #expect(error.text("message")?.contains("at most 24 bytes") == true)
      }
      try await bob.send(#"{"type":"page_change","page":"c","ref":"s"}"#)
      #expect(try await bob.message(ofType: "ack").text("ref") == "s")
      try await eventually("only the last one counts") {
        try await gateway.member("bob", of: "7")?.list("metas")
          == [.object(["page": .string("c")])]
      }
      #expect(try await gateway.user("bob").text("status") == "available")
    }
  }

  @Test func `A user has the metas of all of its connections, each content once`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      func pages(_ pages: String...) -> [JSONValue] {
        pages.map { .object(["page": .string($0)]) }
      }
      let first = try await gateway.enter("7", as: "bob", presence: #"{"page":"a"}"#)
      _ = try await gateway.enter("7", as: "bob", presence: #"{"page":"b"}"#)
      let third = try await gateway.enter("7", as: "bob", presence: #"{"page":"b"}"#)
      let both = try await watcher.message(ofType: "presence_updated", about: "bob")
      #expect(both.list("metas") == pages("a", "b"))
      try await third.send(#"{"type":"page_change","page":"c"}"#)
      let three = try await watcher.message(ofType: "presence_updated", about: "bob")
      #expect(three.list("metas") == pages("a", "b", "c"))
      await first.abort()
      let two = try await watcher.message(ofType: "presence_updated", about: "bob")
      #expect(two.list("metas") == pages("b", "c"))
      #expect(try await gateway.member("bob", of: "7")?.number("connections") == 2)
    }
  }

  @Test func `Many tabs of one user are one member, with as many metas as fit`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      var tabs: [WebSocketTestClient] = []
      for number in 0..<20 {
        tabs.append(try await gateway.connect("7", as: "bob", presence: #"{"n":\#(number)}"#))
        // Who joins within the same millisecond has no order.
        try await eventually("it is connected") {
          try await gateway.member("bob", of: "7")?.number("connections") == number + 1
        }
      }
      let bob = try #require(try await gateway.member("bob", of: "7"))
      #expect(bob.list("metas") == (4..<20).map { .object(["n": .number(Double($0))]) })
      #expect(try await gateway.user("bob").number("connections") == 20)
      for tab in tabs { await tab.abort() }
      let left = try await watcher.message(ofType: "user_left", about: "bob")
      #expect(left.number("count") == 1)
      #expect(try await gateway.member("bob", of: "7") == nil)
    }
  }

  @Test func `Where there is no presence, its frames are of an unknown type`() async throws {
    try await TestGateway.with { gateway in
      let token = try await TestGateway.token("u9")
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/notifications/?token=\(token)")
      for frame in [
        #"{"type":"presence","ref":1}"#, #"{"type":"presence_update","status":"away","ref":1}"#,
        #"{"type":"presence_update","meta":{},"ref":1}"#, #"{"type":"page_change","ref":1}"#,
      ] {
        try await client.send(frame)
        let error = try await client.message(ofType: "error")
        #expect(error.text("code") == "unknown_type" && error.number("ref") == 1)
        #expect(
          error.text("message")?.hasSuffix(
            "accepted are mark_read, ping, refresh, subscribe, unsubscribe") == true)
      }
    }
  }
}

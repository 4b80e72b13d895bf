import MartletCore
import MartletTestSupport
import Testing

@testable import MartletGateway

/// Who is in a group, as its members learn it.
@Suite struct PresenceListTests {
  private let users = ["ann", "bob", "carol", "dave", "eve"]

  @Test func `Members ask for the list page by page`() async throws {
    try await TestGateway.with { gateway in
      var clients: [WebSocketTestClient] = []
      for user in users { clients.append(try await gateway.enter("7", as: user)) }
      var found: [[String]] = []
      var after = ""
      while true {
        try await clients[0].send(#"{"type":"presence","limit":2,"ref":"r"\#(after)}"#)
        let page = try await clients[0].message(ofType: "presence")
        #expect(page.text("ref") == "r" && page.text("group") == "room_7")
        #expect(page.number("count") == users.count)
        found.append(page.objects("members").compactMap { $0.text("id") })
        guard let next = page.text("next") else {
          #expect(page["next"] == .null)
          break
        }
        after = #","after":\#(JSONText.quoted(next))"#
      }
      #expect(found.map(\.count) == [2, 2, 1])
      #expect(found.joined().sorted() == users)
    }
  }

  @Test func `Without limit and ref all come, those who were seen last first`() async throws {
    try await TestGateway.with { gateway in
      var clients: [WebSocketTestClient] = []
      for user in users { clients.append(try await gateway.enter("7", as: user)) }
      try await clients[1].send(#"{"type":"presence"}"#)
      let page = try await clients[1].message(ofType: "presence")
      #expect(page["ref"] == nil && page["next"] == .null)
      #expect(page.texts("members", "id") == users)
      let times = page.objects("members").compactMap { $0.number("last_seen") }
      #expect(times.count == users.count && times == times.sorted(by: >))
      let member = try #require(page.object("members", id: "carol"))
      #expect(
        Set(member.fields.keys) == [
          "id", "name", "joined_at", "metas", "connections", "last_seen", "is_active", "status",
        ])
    }
  }

  @Test func `A bad question is refused with its ref`() async throws {
    try await TestGateway.with { gateway in
      let client = try await gateway.join("7")
      for (fields, word) in [
        (#""limit":0"#, "limit"), (#""after":"x""#, "after"), (#""after":"-1.ann""#, "after"),
        (#""after":"17.""#, "after"), (#""befor":1"#, "befor"),
      ] {
        try await client.send(#"{"type":"presence",\#(fields),"ref":"r"}"#)
        let error = try await client.message(ofType: "error")
        #expect(error.text("code") == "malformed" && error.text("ref") == "r")
        #expect(error.text("message")?.contains(word) == true)
      }
    }
  }

  @Test func `After the last one there is an empty page`() async throws {
    try await TestGateway.with { gateway in
      let client = try await gateway.enter("7", as: "ann")
      try await client.send(#"{"type":"presence","after":"0.ann"}"#)
      let page = try await client.message(ofType: "presence")
      #expect(page.number("count") == 1 && page.list("members") == [] && page["next"] == .null)
    }
  }

  @Test func `Above the cap a group is told numbers, and names again when it has shrunk`()
    async throws
  {
    try await TestGateway.with(presence: "cap: 3") { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let bob = try await gateway.enter("7", as: "bob")
      _ = try await watcher.message(ofType: "user_joined", about: "bob")
      _ = try await gateway.enter("7", as: "carol")
      _ = try await watcher.message(ofType: "user_joined", about: "carol")
      let dave = try await gateway.enter("7", as: "dave")
      let counted = try await watcher.message(ofType: "presence_state")
      #expect(counted.number("count") == 4 && counted["listed"] == .bool(false))
      #expect(counted.text("group") == "room_7" && counted["offset"] == nil)
      let eve = try await gateway.connect("7", as: "eve")
      let first = try await eve.message(ofType: "connection_established")
      #expect(first["members"] == nil)
      #expect((4...5).contains(first.number("member_count") ?? 0))
      #expect(try await watcher.message(ofType: "presence_state").number("count") == 5)
      // Metas and statuses of a crowd are not told; they can be asked for.
      try await bob.send(
        #"{"type":"presence_update","status":"away","meta":{"page":"x"},"ref":1}"#)
      _ = try await bob.message(ofType: "ack")
      try await watcher.send(#"{"type":"presence"}"#)
      let list = try await watcher.message(ofType: "presence")
      #expect(list.number("count") == 5 && list.objects("members").count == 3)
      #expect(list.text("next") != nil)
      await dave.abort()
      await eve.abort()
      while true {
        let state = try await watcher.message()
        try #require(state.text("type") == "presence_state")
        if state["listed"] == .bool(true) {
          #expect(state.number("count") == 3)
          break
        }
        #expect(state.number("count") == 4)
      }
      try await watcher.send(#"{"type":"presence"}"#)
      let rest = try await watcher.message(ofType: "presence")
      #expect(rest.texts("members", "id") == ["ann", "bob", "carol"])
      #expect(rest.object("members", id: "bob")?.text("status") == "away")
      await bob.abort()
      #expect(try await watcher.message(ofType: "user_left").text("user.id") == "bob")
    }
  }

  @Test func `With a cap of 0 no group is ever told names`() async throws {
    try await TestGateway.with(presence: "cap: 0") { gateway in
      let client = try await gateway.connect("7", as: "ann")
      let first = try await client.message(ofType: "connection_established")
      #expect(first["members"] == nil && first.number("member_count") == 1)
      let state = try await client.message(ofType: "presence_state")
      #expect(state.number("count") == 1 && state["listed"] == .bool(false))
      _ = try await gateway.enter("7", as: "bob")
      #expect(try await client.message(ofType: "presence_state").number("count") == 2)
    }
  }

  @Test func `A flap within the grace leaves no trace`() async throws {
    try await TestGateway.with(grace: "30s") { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let first = try await gateway.enter("7", as: "bob", presence: #"{"page":"x"}"#)
      let joined = try await watcher.message(ofType: "user_joined", about: "bob")
      await first.abort()
      try await eventually("the connection is gone") {
        try await gateway.member("bob", of: "7")?.number("connections") == 0
      }
      // Who is within the grace is online, but nowhere.
      let user = try await gateway.user("bob")
      #expect(user["is_online"] == .bool(true) && user.list("where") == [])
      _ = try await gateway.enter("7", as: "bob", presence: #"{"page":"x"}"#)
      let member = try #require(try await gateway.member("bob", of: "7"))
      #expect(member.number("joined_at") == joined.number("joined_at"))
      #expect(member.number("connections") == 1)
      _ = try await gateway.enter("7", as: "carol")
      let next = try await watcher.message()
      #expect(next.text("type") == "user_joined" && next.text("user.id") == "carol")
    }
  }

  @Test func `Whoever joins while a list is read is in it, or announced`() async throws {
    try await TestGateway.with { gateway in
      for round in 0..<20 {
        async let ann = gateway.connect("r\(round)", as: "ann")
        async let bob = gateway.connect("r\(round)", as: "bob")
        let (first, second) = try await (ann, bob)
        for (client, other) in [(first, "bob"), (second, "ann")] {
          let list = try await client.message(ofType: "connection_established")
          if list.object("members", id: other) == nil {
            _ = try await client.message(ofType: "user_joined", about: other)
          }
        }
        await first.abort()
        await second.abort()
      }
    }
  }
}

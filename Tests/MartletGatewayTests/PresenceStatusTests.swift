import MartletCore
import MartletTestSupport
import Testing

@testable import MartletGateway

/// How available users are, as others see it.
@Suite struct PresenceStatusTests {
  @Test func `A status is seen in all groups of the user, and by its other devices`() async throws {
    try await TestGateway.with { gateway in
      let here = try await gateway.enter("7", as: "ann")
      let there = try await gateway.enter("8", as: "carol")
      let first = try await gateway.enter("7", as: "bob")
      let second = try await gateway.enter("8", as: "bob")
      try await first.send(
        #"{"type":"presence_update","status":"do_not_disturb","ref":"r"}"#)
      let ack = try await first.message(ofType: "ack")
      #expect(ack.text("ref") == "r" && ack["offset"] == nil)
      for client in [here, there, second] { try await client.told(.doNotDisturb, of: "bob") }
      for room in ["7", "8"] {
        #expect(try await gateway.member("bob", of: room)?.text("status") == "do_not_disturb")
      }
      // Whoever comes later sees it at once.
      let late = try await gateway.connect("8", as: "dave")
      let list = try await late.message(ofType: "connection_established")
      #expect(list.object("members", id: "bob")?.text("status") == "do_not_disturb")
      #expect(list.object("members", id: "carol")?.text("status") == "available")
      try await second.send(#"{"type":"presence_update","status":"available"}"#)
      for client in [here, there, first] { try await client.told(.available, of: "bob") }
    }
  }

  @Test func `Status and meta may change in one frame`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let bob = try await gateway.enter("7", as: "bob")
      try await bob.send(
        #"{"type":"presence_update","status":"away","meta":{"page":"x"},"ref":1}"#)
      #expect(try await bob.message(ofType: "ack").number("ref") == 1)
      try await eventually("both have changed") {
        let member = try await gateway.member("bob", of: "7")
        return member?.text("status") == "away"
          && member?.list("metas") == [.object(["page": .string("x")])]
      }
      try await watcher.told(.away, of: "bob")
    }
  }

  @Test func `An anonymous user has no status, and keeps its meta when it asks for one`()
    async throws
  {
    try await TestGateway.with { gateway in
      let client = try await gateway.join("7", name: "Ann")
      try await client.send(
        #"{"type":"presence_update","status":"away","meta":{"a":1},"ref":"r"}"#)
      let error = try await client.message(ofType: "error")
      #expect(error.text("code") == "malformed" && error.text("ref") == "r")
      #expect(error.text("message")?.contains("anonymous") == true)
      try await client.send(#"{"type":"presence_update","meta":{"b":2},"ref":"s"}"#)
      #expect(try await client.message(ofType: "ack").text("ref") == "s")
      try await eventually("its meta is that of the second frame") {
        let members = try await gateway.api("GET", "/api/presence/room_7").json()
          .objects("members")
        return members.map { $0.list("metas") } == [[.object(["b": .number(2)])]]
          && members.first?.text("status") == "available"
      }
    }
  }

  @Test func `A chosen status is kept while the user is away`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let bob = try await gateway.enter("7", as: "bob")
      try await bob.send(#"{"type":"presence_update","status":"do_not_disturb"}"#)
      try await watcher.told(.doNotDisturb, of: "bob")
      await bob.abort()
      _ = try await watcher.message(ofType: "user_left", about: "bob")
      try await eventually("bob is offline") {
        try await gateway.user("bob").text("status") == "offline"
      }
      _ = try await gateway.enter("7", as: "bob")
      try await watcher.told(.doNotDisturb, of: "bob")
      #expect(try await gateway.user("bob").text("status") == "do_not_disturb")
    }
  }

  @Test func `Somebody who wants to seem offline does, and is still a member`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let bob = try await gateway.enter("7", as: "bob")
      try await bob.send(#"{"type":"presence_update","status":"offline"}"#)
      try await watcher.told(.offline, of: "bob")
      let member = try #require(try await gateway.member("bob", of: "7"))
      #expect(member.text("status") == "offline" && member.number("connections") == 1)
      let user = try await gateway.user("bob")
      #expect(user.text("status") == "offline" && user["is_online"] == .bool(true))
    }
  }

  @Test func `Who does nothing is away, and available again when something comes`() async throws {
    try await TestGateway.with(presence: "away_after: 1s") { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let bob = try await gateway.enter("7", as: "bob")
      try await eventually("bob is away in spite of heartbeats and questions") {
        try await bob.send(#"{"type":"ping"}"#)
        try await bob.send(#"{"type":"presence"}"#)
        return try await gateway.user("bob").text("status") == "away"
      }
      try await watcher.told(.away, of: "bob")
      try await bob.send(#"{"type":"user_typing"}"#)
      try await watcher.told(.available, of: "bob")
      try await watcher.told(.away, of: "bob")
      try await bob.send(#"{"type":"page_change","page":"x"}"#)
      try await watcher.told(.available, of: "bob")
    }
  }

  @Test func `A status that the user chose is not changed by idleness`() async throws {
    try await TestGateway.with(presence: "away_after: 1s") { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let bob = try await gateway.enter("7", as: "bob")
      try await bob.send(#"{"type":"presence_update","status":"do_not_disturb"}"#)
      try await watcher.told(.doNotDisturb, of: "bob")
      // carol came later, and is idle now.
      _ = try await gateway.enter("7", as: "carol")
      try await watcher.told(.away, of: "carol")
      #expect(try await gateway.user("bob").text("status") == "do_not_disturb")
      try await bob.send(#"{"type":"presence_update","status":"away"}"#)
      try await watcher.told(.away, of: "bob")
      // Neither is one that is called the same.
      try await bob.send(#"{"type":"chat_message","ref":1}"#)
      _ = try await bob.message(ofType: "ack")
      #expect(try await gateway.user("bob").text("status") == "away")
    }
  }

  @Test func `One active connection keeps a user available on all`() async throws {
    try await TestGateway.with(presence: "away_after: 1s") { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      _ = try await gateway.enter("7", as: "bob")
      let second = try await gateway.enter("8", as: "bob")
      try await watcher.told(.away, of: "bob")
      try await second.send(#"{"type":"chat_message"}"#)
      try await watcher.told(.available, of: "bob")
    }
  }
}

import MartletCore
import MartletTestSupport
import Testing

@testable import MartletGateway

/// Two tenants with users, rooms and ids of the same names.
@Suite struct TenantTests {
  @Test func `Messages stay in their tenant, each with positions of its own`() async throws {
    try await TenantGateway.with { cluster in
      let acme = try await cluster.enter(as: "ann", of: "acme")
      let beta = try await cluster.enter(as: "ann", of: "beta")
      for number in 1...3 {
        try await acme.send(#"{"type":"chat_message","text":"acme \#(number)","ref":\#(number)}"#)
        #expect(try await acme.message(ofType: "ack").number("offset") == number)
      }
      try await acme.send(#"{"type":"user_typing","text":"acme"}"#)
      _ = try await acme.message(ofType: "user_typing")
      try await cluster.publish("acme", #"{"type":"chat_message","text":"acme 4"}"#)
      try await beta.send(#"{"type":"chat_message","text":"beta 1"}"#)
      try await cluster.publish("beta", #"{"type":"chat_message","text":"beta 2"}"#)
      var texts: [String?] = []
      repeat {
        let message = try await beta.message()
        if message["text"] != nil {
          texts.append(message.text("text"))
          #expect(message.number("offset") == texts.count)
        }
      } while texts.count < 2
      #expect(texts == ["beta 1", "beta 2"])
    }
  }

  @Test func `An idempotency id of one tenant is new in the other`() async throws {
    try await TenantGateway.with { cluster in
      for tenant in ["acme", "beta"] {
        let first = try await cluster.publish(tenant, #"{"type":"x"}"#, id: "k")
        #expect(first.number("offset") == 1)
        #expect(try await cluster.publish(tenant, #"{"type":"x"}"#, id: "k") == first)
        let client = try await cluster.enter(as: "ann", of: tenant)
        for _ in 0..<2 {
          try await client.send(#"{"type":"chat_message","idempotency_id":"k","ref":1}"#)
          #expect(try await client.message(ofType: "ack").number("offset") == 2)
        }
      }
    }
  }

  @Test func `A position of one tenant recovers nothing in the other`() async throws {
    try await TenantGateway.with { cluster in
      let first = try await cluster.publish("acme", #"{"type":"x"}"#)
      for _ in 0..<3 { try await cluster.publish("acme", #"{"type":"x"}"#) }
      for _ in 0..<4 { try await cluster.publish("beta", #"{"type":"x"}"#) }
      let path = "/ws/room/7/?epoch=\(try #require(first.text("epoch")))&offset=1"
      for (tenant, isRecovered) in [("acme", true), ("beta", false)] {
        let client = try await cluster.open(path, as: "ann", of: .string(tenant))
        let established = try await client.message(ofType: "connection_established")
        #expect(established["recovered"] == .bool(isRecovered), "\(tenant)")
      }
    }
  }

  @Test func `The history of a group is that of its tenant`() async throws {
    try await TenantGateway.with { cluster in
      try await cluster.publish("acme", #"{"type":"x","text":"secret"}"#)
      let own = try await cluster.ask("acme", "GET", "/api/history/room_7")
      #expect(own.text("group") == "room_7")
      #expect(own.objects("publications").map { $0.text("text") } == ["secret"])
      #expect(own.objects("publications").map { $0.text("group") } == ["room_7"])
      let other = try await cluster.ask("beta", "GET", "/api/history/room_7")
      #expect(other.list("publications") == [] && other.text("epoch") != own.text("epoch"))
    }
  }

  @Test func `Members and their numbers are those of the tenant`() async throws {
    try await TenantGateway.with { cluster in
      let watcher = try await cluster.enter(as: "ann", of: "beta")
      _ = try await cluster.enter(as: "ann", of: "acme")
      let bob = try await cluster.enter(as: "bob", of: "acme")
      for (tenant, ids) in [("acme", ["ann", "bob"]), ("beta", ["ann"])] {
        let members = try await cluster.members(of: tenant)
        #expect(members.texts("members", "id") == ids && members.number("count") == ids.count)
        let count = try await cluster.ask(tenant, "GET", "/api/presence/room_7/count")
        #expect(count == (try JSONObject(#"{"group":"room_7","count":\#(ids.count)}"#)))
        for extra in ["", #","members":true"#] {
          let groups = try await cluster.ask(
            tenant, "POST", "/api/presence", #"{"groups":["room_7"]\#(extra)}"#
          ).objects("groups")
          #expect(groups.map { $0.text("group") } == ["room_7"])
          #expect(groups.map { $0.number("count") } == [ids.count])
        }
        let late = try await cluster.open("/ws/room/7/", as: "ann", of: .string(tenant))
        let list = try await late.message(ofType: "connection_established")
        #expect(list.texts("members", "id") == ids)
      }
      await bob.abort()
      try await eventually("bob has left") {
        try await cluster.members(of: "acme").number("count") == 1
      }
      try await cluster.publish("beta", #"{"type":"done"}"#)
      #expect(try await !watcher.types(upTo: "done").contains("user_left"))
    }
  }

  @Test func `A user's status and places are those of its tenant`() async throws {
    try await TenantGateway.with { cluster in
      let acme = try await cluster.enter(as: "ann", of: "acme")
      let beta = try await cluster.enter(as: "ann", of: "beta")
      try await acme.send(#"{"type":"presence_update","status":"do_not_disturb"}"#)
      try await acme.told(.doNotDisturb, of: "ann")
      let answer = try await cluster.ask(
        "beta", "PUT", "/api/users/bob/status", #"{"status":"away"}"#)
      #expect(answer == (try JSONObject(#"{"id":"bob","status":"away"}"#)))
      for (tenant, status) in [("acme", "do_not_disturb"), ("beta", "available")] {
        let user = try await cluster.user("ann", of: tenant)
        #expect(user.text("id") == "ann" && user.text("status") == status)
        #expect(user.number("connections") == 1)
        #expect(user.objects("where").map { $0.text("group") } == ["room_7"])
        let users = try await cluster.ask(tenant, "POST", "/api/users", #"{"users":["ann"]}"#)
        #expect(users.objects("users") == [user])
        let members = try await cluster.members(of: tenant)
        #expect(members.object("members", id: "ann")?.text("status") == status)
      }
      _ = try await cluster.enter(as: "bob", of: "acme")
      #expect(try await cluster.user("bob", of: "acme").text("status") == "available")
      try await cluster.publish("beta", #"{"type":"done"}"#)
      #expect(try await !beta.types(upTo: "done").contains("presence_updated"))
    }
  }

  @Test func `Access rules and places for the user apply inside the tenant`() async throws {
    try await TenantGateway.with { cluster in
      let projects: [String: JSONValue] = ["projects": .array([.number(1)])]
      let own = try await cluster.open("/ws/projects/1/", as: "ann", of: .string("acme"), projects)
      #expect(try await own.message().text("group") == "project_1")
      let other = try await cluster.open(
        "/ws/projects/2/", as: "ann", of: .string("acme"), projects)
      #expect(try await other.closeCode() == 4003)
      let notified = try await cluster.open("/ws/notifications/", as: "ann", of: .string("acme"))
      #expect(try await notified.message().text("group") == "user_ann")
      _ = try await cluster.ask(
        "beta", "POST", "/api/publish", #"{"group":"user_ann","event":{"type":"beta"}}"#)
      _ = try await cluster.ask(
        "acme", "POST", "/api/publish", #"{"group":"user_ann","event":{"type":"acme"}}"#)
      let message = try await notified.message()
      #expect(message.text("type") == "acme" && message.number("offset") == 1)
    }
  }

  @Test func `A token has to name a tenant`() async throws {
    try await TenantGateway.with { cluster in
      let bad: [JSONValue?] = [
        nil, .null, .bool(true), .number(1.5), .number(9_007_199_254_740_992), .array([]),
        .string(""), .string("a/b"), .string("acme/"), .string("a b"), .string("é"),
        .string(String(repeating: "x", count: 65)),
      ]
      for tenant in bad {
        let client = try await cluster.open("/ws/room/7/", as: "ann", of: tenant)
        #expect(try await client.closeCode() == 4003, "\(String(describing: tenant))")
      }
      let anonymous = try await WebSocketTestClient.connect(
        port: cluster.gateway.port, "/ws/room/7/")
      #expect(try await anonymous.closeCode() == 4001)
    }
  }

  @Test func `A number in the claim is the tenant of its digits`() async throws {
    try await TenantGateway.with { cluster in
      let number = try await cluster.open("/ws/room/7/", as: "ann", of: .number(42))
      _ = try await number.message(ofType: "connection_established")
      let text = try await cluster.open("/ws/room/7/", as: "bob", of: .string("42"))
      _ = try await text.message(ofType: "connection_established")
      #expect(try await number.message(ofType: "user_joined", about: "bob").number("count") == 2)
    }
  }

  @Test func `Nothing that a client or a backend brings leads into another tenant`() async throws {
    try await TenantGateway.with { cluster in
      let watcher = try await cluster.enter(as: "ann", of: "beta")
      for id in ["/beta/ann", "beta/ann", "../beta/ann"] {
        let client = try await cluster.open("/ws/notifications/", as: id, of: .string("acme"))
        #expect(try await client.message().text("code") == "bad_parameter")
        #expect(try await client.closeCode() == 4004)
        // Such a user is one of its own tenant.
        let member = try await cluster.open("/ws/room/7/", as: id, of: .string("acme"))
        let first = try await member.message(ofType: "connection_established")
        #expect(first.texts("members", "id").contains(id))
        #expect(!first.texts("members", "id").contains("ann"))
        let user = try await cluster.user(TestGateway.escaped(id), of: "acme")
        #expect(user.text("id") == id)
      }
      for room in ["beta%2Froom_7", "..%2Fbeta%2Froom_7", "beta%252Froom_7"] {
        let error = await #expect(throws: WebSocketTestClient.Refused.self) {
          try await cluster.open("/ws/room/\(room)/", as: "ann", of: .string("acme"))
        }
        #expect(error?.status == 400)
        for target in ["history/\(room)", "presence/\(room)", "presence/\(room)/count"] {
          let response = try await cluster.api(
            "GET", "/api/\(target)", key: TenantGateway.key(of: "acme"))
          #expect(response.status == 400, "\(target)")
        }
      }
      for group in ["beta/room_7", "/beta/room_7", #"beta\/room_7"#, #"beta\u002froom_7"#] {
        for (target, body) in [
          ("publish", #"{"group":"\#(group)","event":{"type":"x"}}"#),
          ("presence", #"{"groups":["\#(group)"]}"#),
        ] {
          let response = try await cluster.api(
            "POST", "/api/\(target)", key: TenantGateway.key(of: "acme"), body: body)
          #expect(response.status == 400, "\(body)")
        }
      }
      let user = try await cluster.user("beta%2Fann", of: "acme")
      #expect(user["is_online"] == .bool(true) && user.text("id") == "beta/ann")
      #expect(try await cluster.user("..%2Fbeta%2Fbob", of: "acme")["last_seen"] == .null)
      try await cluster.publish("beta", #"{"type":"done"}"#)
      #expect(
        try await watcher.types(upTo: "done").filter { $0 != "user_joined" } == ["done"])
    }
  }

  @Test func `Everything that a client or a backend sees has plain names`() async throws {
    try await TenantGateway.with { cluster in
      let client = try await cluster.open("/ws/room/7/", as: "ann", of: .string("acme"))
      var seen: [String] = []
      var types: Set<String> = []
      func see(_ wanted: Set<String>) async throws {
        var missing = wanted
        while !missing.isEmpty {
          let text = try await client.frame().text
          seen.append(text)
          let type = try JSONObject(text).text("type") ?? ""
          types.insert(type)
          missing.remove(type)
        }
      }
      try await see(["connection_established"])
      let bob = try await cluster.enter(as: "bob", of: "acme")
      try await see(["user_joined"])
      try await client.send(#"{"type":"chat_message","ref":1}"#)
      try await see(["ack", "chat_message"])
      try await client.send(#"{"type":"user_typing","ref":2}"#)
      try await see(["ack", "user_typing"])
      try await client.send(
        #"{"type":"presence_update","status":"away","meta":{"page":"x"},"ref":3}"#)
      try await see(["ack", "presence_updated"])
      try await client.send(#"{"type":"presence","ref":4}"#)
      try await see(["presence"])
      try await client.send(#"{"type":"nothing"}"#)
      try await see(["error"])
      try await client.send(#"{"type":"ping"}"#)
      try await see(["pong"])
      await bob.abort()
      try await see(["user_left"])
      let key = TenantGateway.key(of: "acme")
      for (method, target, body) in [
        ("GET", "/api/history/room_7", ""), ("GET", "/api/presence/room_7", ""),
        ("GET", "/api/presence/room_7/count", ""), ("GET", "/api/users/ann", ""),
        ("POST", "/api/presence", #"{"groups":["room_7"],"members":true}"#),
        ("POST", "/api/presence", #"{"groups":["room_7"]}"#),
        ("POST", "/api/users", #"{"users":["ann","bob"]}"#),
        ("PUT", "/api/users/ann/status", #"{"status":"away"}"#),
        ("POST", "/api/publish", #"{"group":"room_7","event":{"type":"x"}}"#),
      ] {
        let response = try await cluster.api(method, target, key: key, body: body)
        #expect(response.status == 200, "\(target)")
        seen.append(response.body)
      }
      #expect(types.count >= 9)
      for text in seen {
        #expect(!text.contains("acme"), "\(text)")
        if text.contains(#""group":"#) { #expect(text.contains(#""group":"room_7""#), "\(text)") }
      }
    }
  }
}

import MartletCore
import MartletTestSupport
import Testing

@testable import MartletGateway

/// Where users are and how available, for backends.
@Suite struct UserAPITests {
  @Test func `A user is found in all of its groups`() async throws {
    try await TestGateway.with { gateway in
      let before = unixTime() * 1_000
      let client = try await gateway.enter("7", as: "bob", presence: #"{"page":"x"}"#)
      _ = try await gateway.enter("8", as: "bob")
      let user = try await gateway.user("bob")
      #expect(user.text("id") == "bob" && user.text("status") == "available")
      #expect(user["is_online"] == .bool(true) && user["is_active"] == .bool(true))
      #expect(user.number("connections") == 2)
      let start = try #require(user.number("session_start"))
      let seen = try #require(user.number("last_seen"))
      #expect(start >= before && seen >= start && seen < before + 3_600_000)
      let places = user.objects("where")
      #expect(places.map { $0.text("group") } == ["room_7", "room_8"])
      #expect(places.map { $0["meta"] } == [.object(["page": .string("x")]), .object([:])])
      #expect(places.allSatisfy { $0.text("ip") == "127.0.0.1" })
      #expect(places.allSatisfy { $0.text("user_agent") == #"Test "browser""# })
      #expect(places[0].number("joined_at") == start)
      #expect(
        Set(places[0].fields.keys) == [
          "group", "connection_id", "joined_at", "meta", "ip", "user_agent",
        ])
      // Members do not learn from where somebody comes.
      let member = try #require(try await gateway.member("bob", of: "7"))
      #expect(member["ip"] == nil && member["user_agent"] == nil)
      try await client.send(#"{"type":"page_change","page":"y"}"#)
      try await eventually("the meta has changed") {
        try await gateway.user("bob").objects("where").first?["meta"]
          == .object(["page": .string("y")])
      }
      #expect(try await gateway.user("bob").objects("where")[0].number("joined_at") == start)
    }
  }

  @Test func `Of a user agent 256 bytes are kept`() async throws {
    try await TestGateway.with { gateway in
      // One character, many bytes.
      let long = "e" + String(repeating: "\u{301}", count: 1_000)
      _ = try await gateway.connect("7", as: "bob", userAgent: long)
      try await eventually("bob is here") {
        try await gateway.user("bob").objects("where").count == 1
      }
      let kept = try await gateway.user("bob").objects("where")[0].text("user_agent") ?? ""
      #expect(kept.utf8.starts(with: long.utf8.prefix(255)) && kept.utf8.count < 260)
    }
  }

  @Test func `Somebody who has left is remembered, somebody unknown is just offline`()
    async throws
  {
    try await TestGateway.with { gateway in
      let client = try await gateway.enter("7", as: "bob")
      await client.abort()
      try await eventually("bob has left") {
        try await gateway.user("bob")["is_online"] == .bool(false)
      }
      let left = try await gateway.user("bob")
      #expect(left.text("status") == "offline" && left["session_start"] == .null)
      #expect(left.number("last_seen") != nil && left["is_active"] == .bool(true))
      #expect(left.number("connections") == 0 && left.list("where") == [])
      let unknown = try await gateway.user("nobody")
      #expect(
        unknown
          == (try JSONObject(
            #"{"id":"nobody","status":"offline","is_online":false,"is_active":false,"#
              + #""last_seen":null,"session_start":null,"connections":0,"where":[]}"#)))
    }
  }

  @Test func `Whoever was seen within the active window is active`() async throws {
    try await TestGateway.with(presence: "active_window: 1s") { gateway in
      _ = try await gateway.enter("7", as: "bob")
      try await eventually("bob is not active any more") {
        let user = try await gateway.user("bob")
        let member = try #require(try await gateway.member("bob", of: "7"))
        return [user["is_active"], member["is_active"]] == [.bool(false), .bool(false)]
      }
    }
  }

  @Test func `Activity is noted where it was`() async throws {
    try await TestGateway.with(presence: "active_window: 1s") { gateway in
      let client = try await gateway.enter("7", as: "bob")
      let before = try #require(try await gateway.member("bob", of: "7")?.number("last_seen"))
      try await client.send(#"{"type":"chat_message"}"#)
      try await eventually("it is noted") {
        // The first one may be as old as the join, for the clocks that are compared.
        try await client.send(#"{"type":"chat_message"}"#)
        let user = try await gateway.user("bob").number("last_seen") ?? 0
        let member = try await gateway.member("bob", of: "7")?.number("last_seen") ?? 0
        return user > before && member > before
      }
    }
  }

  @Test func `Many users are asked for at once, in the order of the question`() async throws {
    try await TestGateway.with { gateway in
      _ = try await gateway.enter("7", as: "bob")
      let users = try await gateway.api(
        "POST", "/api/users", body: #"{"users":["nobody","bob","bob"]}"#
      ).json().objects("users")
      #expect(users.map { $0.text("id") } == ["nobody", "bob", "bob"])
      #expect(users.map { $0["is_online"] } == [.bool(false), .bool(true), .bool(true)])
      #expect(users[1] == (try await gateway.user("bob")))
      #expect(users[1].objects("where").count == 1)
    }
  }

  @Test func `A backend chooses a status for somebody who is here`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let bob = try await gateway.enter("7", as: "bob")
      for status in [UserStatus.away, .doNotDisturb, .offline, .available] {
        let answer = try await gateway.api(
          "PUT", "/api/users/bob/status", body: #"{"status":"\#(status.rawValue)"}"#)
        #expect(answer.status == 200)
        #expect(
          try answer.json() == JSONObject(#"{"id":"bob","status":"\#(status.rawValue)"}"#))
        for client in [watcher, bob] {
          let told = try await client.message(ofType: "presence_updated", about: "bob")
          #expect(told.text("status") == status.rawValue)
          #expect(told.text("user.name") == "bob" || told.text("user.name") == "Bob")
        }
        #expect(try await gateway.user("bob").text("status") == status.rawValue)
      }
    }
  }

  @Test func `A status chosen for somebody who is not here is shown from the first connection`()
    async throws
  {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.enter("7", as: "ann")
      let answer = try await gateway.api(
        "PUT", "/api/users/bob/status", body: #"{"status":"do_not_disturb"}"#)
      #expect(answer.status == 200)
      #expect(try await gateway.user("bob").text("status") == "offline")
      _ = try await gateway.enter("7", as: "bob")
      try await watcher.told(.doNotDisturb, of: "bob")
      #expect(try await gateway.user("bob").text("status") == "do_not_disturb")
    }
  }

  @Test(arguments: [
    "bob+1@x.example", "a b", "a/b", "é😀", "%", "%2F", "a\"b\\", "..", "?", "a.b", "~", "+",
    "line\nbreak", String(repeating: "x", count: 128),
  ])
  func `Any id that a token may have can be asked for`(id: String) async throws {
    try await TestGateway.with { gateway in
      _ = try await gateway.enter("7", as: id)
      let user = try await gateway.user(id)
      #expect(user.text("id") == id && user["is_online"] == .bool(true))
      let answer = try await gateway.api(
        "PUT", "/api/users/\(TestGateway.escaped(id))/status", body: #"{"status":"away"}"#)
      #expect(try answer.json().text("id") == id)
      #expect(try await gateway.user(id).text("status") == "away")
      let list = try await gateway.api(
        "POST", "/api/users", body: #"{"users":[\#(JSONText.quoted(id))]}"#)
      #expect(try list.json().objects("users").map { $0.text("status") } == ["away"])
      let page = try await gateway.api("GET", "/api/presence/room_7").json()
      #expect(page.object("members", id: id)?.text("status") == "away")
    }
  }

  @Test func `A plus in a path is a plus, and an escape that is none stands for itself`()
    async throws
  {
    try await TestGateway.with { gateway in
      for (target, id) in [
        ("a+b", "a+b"), ("a%2Bb", "a+b"), ("a%20b", "a b"), ("%+1", "%+1"), ("%4", "%4"),
        ("%zz", "%zz"), ("%25zz", "%zz"), ("a%2fb/", "a/b"), ("%EF%BF%BD", "\u{FFFD}"),
      ] {
        let user = try await gateway.api("GET", "/api/users/\(target)").json()
        #expect(user.text("id") == id, "\(target)")
      }
      // Any other two bytes would be the same user.
      #expect(try await gateway.api("GET", "/api/users/%FF").status == 400)
    }
  }

  @Test func `Bad requests for users say what is wrong`() async throws {
    try await TestGateway.with { gateway in
      let long = String(repeating: "x", count: 129)
      let many = (0...200).map { "\"u\($0)\"" }.joined(separator: ",")
      let cases: [(String, String, String, String, String)] = [
        ("GET", "/api/users/\(long)", "", "bad_parameter", "1 to 128 bytes"),
        ("GET", "/api/users/anonymous:1", "", "bad_parameter", "anonymous users"),
        ("GET", "/api/users/anonymous%3A1", "", "bad_parameter", "anonymous users"),
        ("PUT", "/api/users//status", #"{"status":"away"}"#, "bad_parameter", "1 to 128 bytes"),
        (
          "PUT", "/api/users/anonymous:1/status", #"{"status":"away"}"#, "bad_parameter",
          "anonymous users"
        ),
        ("POST", "/api/users", "", "malformed", "not a JSON object"),
        ("POST", "/api/users", "{}", "malformed", "users must be a list of 1 to 200 strings"),
        ("POST", "/api/users", #"{"users":[]}"#, "malformed", "users must be"),
        ("POST", "/api/users", #"{"users":[\#(many)]}"#, "malformed", "users must be"),
        ("POST", "/api/users", #"{"users":["u",5]}"#, "malformed", "users must be"),
        ("POST", "/api/users", #"{"users":["\#(long)"]}"#, "bad_parameter", "1 to 128 bytes"),
        ("POST", "/api/users", #"{"users":[""]}"#, "bad_parameter", "1 to 128 bytes"),
        ("POST", "/api/users", #"{"users":["u"],"limit":1}"#, "malformed", "there are users"),
        (
          "PUT", "/api/users/u/status", "{}", "malformed",
          "status must be one of available, away, do_not_disturb, offline"
        ),
        ("PUT", "/api/users/u/status", #"{"status":"busy"}"#, "malformed", "must be one of"),
        ("PUT", "/api/users/u/status", #"{"status":null}"#, "malformed", "must be"),
        ("PUT", "/api/users/u/status", #"{"status":1}"#, "malformed", "must be a string"),
        (
          "PUT", "/api/users/u/status", #"{"status":"away","meta":{}}"#, "malformed",
          #"unknown field "meta"; there are status"#
        ),
      ]
      for (method, target, body, code, message) in cases {
        let response = try await gateway.api(method, target, body: body)
        #expect(response.status == 400, "\(method) \(target) \(body)")
        let error = try response.json()
        #expect(error.text("error.code") == code, "\(method) \(target) \(body)")
        #expect(
          error.text("error.message")?.contains(message) == true, "\(method) \(target) \(body)")
      }
      #expect(try await gateway.user("u").text("status") == "offline")
    }
  }
}

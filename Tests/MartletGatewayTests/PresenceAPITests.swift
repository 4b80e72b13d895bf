import MartletCore
import MartletTestSupport
import Testing

@testable import MartletGateway

/// Who is in which group, for backends.
@Suite struct PresenceAPITests {
  @Test func `A group's members are listed page by page`() async throws {
    try await TestGateway.with { gateway in
      let users = ["ann", "bob+1@x.example", "carol d", "dave"]
      for user in users { _ = try await gateway.enter("7", as: user) }
      var found: [String] = []
      var target: String? = "/api/presence/room_7?limit=3"
      var sizes: [Int] = []
      while let next = target {
        let page = try await gateway.api("GET", next).json()
        #expect(page.text("group") == "room_7" && page.number("count") == 4)
        sizes.append(page.objects("members").count)
        found += page.objects("members").compactMap { $0.text("id") }
        target = page.text("next").map {
          "/api/presence/room_7?limit=3&after=\(TestGateway.escaped($0))"
        }
      }
      #expect(sizes == [3, 1] && found.sorted() == users)
    }
  }

  @Test func `A member is described in full, and milliseconds are its times`() async throws {
    try await TestGateway.with { gateway in
      let before = unixTime() * 1_000
      _ = try await gateway.enter("7", as: "bob", presence: #"{"page":"x"}"#)
      _ = try await gateway.enter("7", as: "bob", presence: #"{"page":"x"}"#)
      let member = try #require(try await gateway.member("bob", of: "7"))
      #expect(member.text("name") == "Bob" && member.number("connections") == 2)
      #expect(member.list("metas") == [.object(["page": .string("x")])])
      #expect(member.text("status") == "available" && member["is_active"] == .bool(true))
      let joined = try #require(member.number("joined_at"))
      let seen = try #require(member.number("last_seen"))
      #expect(joined >= before && joined <= seen && seen < before + 3_600_000)
    }
  }

  @Test func `Without a limit as many come as the cap allows`() async throws {
    try await TestGateway.with(presence: "cap: 2") { gateway in
      for user in ["ann", "bob", "carol"] { _ = try await gateway.enter("7", as: user) }
      let page = try await gateway.api("GET", "/api/presence/room_7").json()
      #expect(page.number("count") == 3 && page.objects("members").count == 2)
      #expect(page.text("next") != nil)
    }
  }

  @Test func `A group is counted, an unknown one has nobody`() async throws {
    try await TestGateway.with { gateway in
      _ = try await gateway.enter("7", as: "ann")
      _ = try await gateway.enter("7", as: "bob")
      let count = try await gateway.api("GET", "/api/presence/room_7/count").json()
      #expect(count == (try JSONObject(#"{"group":"room_7","count":2}"#)))
      let none = try await gateway.api("GET", "/api/presence/nobody%5fhere/count/").json()
      #expect(none == (try JSONObject(#"{"group":"nobody_here","count":0}"#)))
      let list = try await gateway.api("GET", "/api/presence/nobody").json()
      #expect(
        list == (try JSONObject(#"{"group":"nobody","count":0,"members":[],"next":null}"#)))
    }
  }

  @Test func `Many groups are counted or listed at once, in the order of the question`()
    async throws
  {
    try await TestGateway.with { gateway in
      for user in ["ann", "bob", "carol"] { _ = try await gateway.enter("7", as: user) }
      _ = try await gateway.enter("8", as: "ann")
      let groups = #""groups":["room_8","nobody","room_7","room_8"]"#
      let counts = try await gateway.api("POST", "/api/presence", body: "{\(groups)}").json()
      #expect(
        counts.objects("groups").map { $0.text("group") }
          == ["room_8", "nobody", "room_7", "room_8"])
      #expect(counts.objects("groups").map { $0.number("count") } == [1, 0, 3, 1])
      #expect(counts.objects("groups").allSatisfy { $0["members"] == nil })
      let same = try await gateway.api(
        "POST", "/api/presence/", body: #"{\#(groups),"members":false}"#)
      #expect(try same.json() == counts)
      let lists = try await gateway.api(
        "POST", "/api/presence", body: #"{\#(groups),"members":true,"limit":2}"#
      ).json().objects("groups")
      #expect(lists.map { $0.number("count") } == [1, 0, 3, 1])
      #expect(lists.map { $0.objects("members").count } == [1, 0, 2, 1])
      #expect(lists.map { $0.text("next") == nil } == [true, true, false, true])
      #expect(lists[0].texts("members", "id") == ["ann"])
    }
  }

  @Test func `Bad questions for groups say what is wrong`() async throws {
    try await TestGateway.with { gateway in
      let many = (0...1_000).map { "\"g\($0)\"" }.joined(separator: ",")
      let some = (0...100).map { "\"g\($0)\"" }.joined(separator: ",")
      let targets: [(String, String)] = [
        ("room_7?limit=0", "limit is a whole number from 1 to 1000"),
        ("room_7?limit=1001", "limit is"), ("room_7?limit=x", "limit is"),
        ("room_7?limit=", "limit is"), ("room_7?limit=-1", "limit is"),
        ("room_7?after=x", "after is the next of an earlier answer"),
        ("room_7?after=", "after is"), ("room_7?after=5.", "after is"),
        ("a%20b", "a group is"), ("a+b", "a group is"), ("%zz", "a group is"),
        ("a%2Fb", "a group is"), ("%C3%A9/count", "a group is"), ("%00", "a group is"),
      ]
      for (target, message) in targets {
        let response = try await gateway.api("GET", "/api/presence/\(target)")
        #expect(response.status == 400, "\(target)")
        #expect(try response.json().text("error.code") == "bad_parameter", "\(target)")
        #expect(try response.json().text("error.message")?.contains(message) == true, "\(target)")
      }
      let bodies: [(String, String)] = [
        ("", "not a JSON object"), ("[]", "not a JSON object"), ("{", "expected"),
        ("{}", "groups must be a list of 1 to 1000 strings"),
        (#"{"groups":[]}"#, "groups must be"), (#"{"groups":"g"}"#, "groups must be"),
        (#"{"groups":[1]}"#, "groups must be"), (#"{"groups":["g",null]}"#, "groups must be"),
        (#"{"groups":[\#(many)]}"#, "groups must be"),
        (#"{"groups":[\#(some)],"members":true}"#, "groups must be a list of 1 to 100 strings"),
        (#"{"groups":["g"],"members":1}"#, "members must be true or false"),
        (#"{"groups":["g"],"members":true,"limit":0}"#, "limit must be a whole number from 1"),
        (#"{"groups":["g"],"members":true,"limit":1.5}"#, "limit must be"),
        (#"{"groups":["g"],"limit":1001}"#, "limit must be"),
        (
          #"{"groups":["g"],"member":true}"#,
          #"unknown field "member"; there are groups, members, limit"#
        ),
      ]
      for (body, message) in bodies {
        let response = try await gateway.api("POST", "/api/presence", body: body)
        #expect(response.status == 400, "\(body)")
        #expect(try response.json().text("error.code") == "malformed", "\(body)")
        #expect(try response.json().text("error.message")?.contains(message) == true, "\(body)")
      }
      let named = try await gateway.api("POST", "/api/presence", body: #"{"groups":["a b"]}"#)
      #expect(try named.json().text("error.code") == "bad_parameter")
      let all = (0..<1_000).map { "\"g\($0)\"" }.joined(separator: ",")
      let counts = try await gateway.api("POST", "/api/presence", body: #"{"groups":[\#(all)]}"#)
      #expect(try counts.json().objects("groups").count == 1_000)
    }
  }

  @Test func `Paths that exist tell the methods that they have`() async throws {
    try await TestGateway.with { gateway in
      let cases: [(String, String, Int, String)] = [
        ("GET", "/api/presence", 405, "only POST"), ("GET", "/api/presence/", 405, "only POST"),
        ("POST", "/api/presence/g", 405, "only GET"),
        ("DELETE", "/api/presence/g/count", 405, "only GET"),
        ("GET", "/api/presence/g/members", 404, "/api/presence/g/members"),
        ("GET", "/api/presence/g/count/x", 404, ""), ("GET", "/api/presence/g//count", 404, ""),
        ("GET", "/api/presences", 404, ""),
        ("GET", "/api/users", 405, "only POST"), ("POST", "/api/users/bob", 405, "only GET"),
        ("GET", "/api/users/bob/status", 405, "only PUT"),
        ("POST", "/api/users/bob/status", 405, "only PUT"),
        ("PUT", "/api/users/bob/name", 404, "/api/users/bob/name"),
        ("PUT", "/api/users/bob/status/x", 404, ""),
      ]
      for (method, target, status, message) in cases {
        let response = try await gateway.api(method, target)
        #expect(response.status == status, "\(method) \(target)")
        #expect(
          try response.json().text("error.message")?.contains(message) == true,
          "\(method) \(target)")
      }
    }
  }

  @Test func `Without a good key nobody learns who is where`() async throws {
    try await TestGateway.with { gateway in
      for (method, target) in [
        ("GET", "/api/presence/g"), ("GET", "/api/presence/g/count"), ("POST", "/api/presence"),
        ("GET", "/api/users/u"), ("POST", "/api/users"), ("PUT", "/api/users/u/status"),
      ] {
        for key in [nil, "Bearer wrong-key-of-20-bytes", TestGateway.apiKey] {
          let response = try await HTTPTestClient.request(
            method, port: gateway.port, target,
            headers: key.map { [(name: "Authorization", value: $0)] } ?? [])
          #expect(response.status == 401, "\(method) \(target)")
          #expect(try response.json().text("error.code") == "unauthorized")
        }
      }
    }
  }
}

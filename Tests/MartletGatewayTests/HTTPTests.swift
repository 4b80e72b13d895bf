import MartletCore
import MartletTestSupport
import Testing

@testable import MartletGateway

@Suite struct HTTPTests {
  @Test func `A publication over HTTP reaches members and the history`() async throws {
    try await TestGateway.with { gateway in
      let client = try await gateway.join("7")
      let body =
        #"{"group":"room_7","event":{"type":"x","v":1},"id":"k","sender":{"id":"bot","name":"Bot"}}"#
      let first = try await gateway.api("POST", "/api/publish", body: body).json()
      let again = try await gateway.api("POST", "/api/publish", body: body).json()
      #expect(first.number("offset") == 1 && first == again && first.text("group") == "room_7")
      let message = try await client.message(ofType: "x")
      #expect(message.number("v") == 1 && message.text("sender.id") == "bot")
      let page = try await gateway.api("GET", "/api/history/room_7").json()
      #expect(page.list("publications") == [.object(message.fields)])
      #expect(page.text("epoch") == first.text("epoch") && page["next_before"] == .null)
    }
  }

  @Test func `History is paged`() async throws {
    try await TestGateway.with { gateway in
      for number in 1...7 {
        _ = try await gateway.publish("room_7", #"{"type":"n","v":\#(number)}"#)
      }
      var offsets: [Int] = []
      var target: String? = "/api/history/room_7?limit=3"
      while let next = target {
        let page = try await gateway.api("GET", next).json()
        offsets =
          (page.list("publications") ?? []).compactMap { value in
            guard case .object(let fields) = value, case .number(let offset)? = fields["offset"]
            else { return nil }
            return Int(offset)
          } + offsets
        target = page.number("next_before").map { "/api/history/room_7?limit=3&before=\($0)" }
      }
      #expect(offsets == Array(1...7))
    }
  }

  @Test func `Presence counts users and their connections`() async throws {
    try await TestGateway.with { gateway in
      _ = try await gateway.join("7", name: "Ann")
      _ = try await gateway.join("7", name: "Bob")
      try await eventually("both are present") {
        let presence = try await gateway.api("GET", "/api/presence/room_7").json()
        return presence.number("count") == 2
          && presence.texts("members", "name") == ["Ann", "Bob"]
      }
      #expect(try await gateway.api("GET", "/api/presence/room_9").json().number("count") == 0)
    }
  }

  @Test func `Without a good key there is 401`() async throws {
    try await TestGateway.with { gateway in
      for target in ["/api/publish", "/api/presence/g", "/api/history/g"] {
        let method = target == "/api/publish" ? "POST" : "GET"
        for headers in [
          [], [("Authorization", "Bearer wrong-key-of-20-bytes")], [("Authorization", "x")],
        ] {
          let response = try await HTTPTestClient.request(
            method, port: gateway.port, target, headers: headers.map { (name: $0.0, value: $0.1) })
          #expect(response.status == 401)
          #expect(try response.json().text("error.code") == "unauthorized")
        }
      }
    }
  }

  @Test func `Bad requests say what is wrong`() async throws {
    try await TestGateway.with(limits: "{message_size: 1KiB}") { gateway in
      let large = String(repeating: "x", count: 1_500)
      let huge = String(repeating: "x", count: 10_000)
      let cases: [(String, String, String, Int, String)] = [
        ("POST", "/api/publish", "no json", 400, "malformed"),
        ("POST", "/api/publish", #"{"group":"g"}"#, 400, "malformed"),
        ("POST", "/api/publish", #"{"group":"g","event":{"a":1}}"#, 400, "missing_type"),
        ("POST", "/api/publish", #"{"group":"g","event":{"type":"\#(large)"}}"#, 413, "too_large"),
        ("POST", "/api/publish", #"{"group":"g","event":{"type":"\#(huge)"}}"#, 413, "too_large"),
        ("GET", "/api/publish", "", 405, "method_not_allowed"),
        ("GET", "/api/history/g?limit=0", "", 400, "bad_parameter"),
        ("GET", "/api/history/g?limit=1001", "", 400, "bad_parameter"),
        ("GET", "/api/history/g?before=x", "", 400, "bad_parameter"),
        ("GET", "/api/history/a%20b", "", 400, "bad_parameter"),
        ("GET", "/api/history/", "", 404, "not_found"),
        ("GET", "/api/nothing", "", 404, "not_found"),
        ("GET", "/", "", 404, "not_found"),
      ]
      for (method, target, body, status, code) in cases {
        let response = try await gateway.api(method, target, body: body)
        #expect(response.status == status, "\(method) \(target)")
        #expect(try response.json().text("error.code") == code, "\(method) \(target)")
      }
    }
  }

  @Test func `The demo page is served where it is asked for`() async throws {
    try await TestGateway.with("demo: true") { gateway in
      let page = try await HTTPTestClient.request(port: gateway.port, "/")
      #expect(page.status == 200 && page.headers["content-type"] == "text/html; charset=utf-8")
      #expect(page.body.contains(#"const routePath = "/ws/room/{room}/";"#))
    }
  }

  @Test func `The admin port tells health, readiness and metrics`() async throws {
    try await TestGateway.with { gateway in
      _ = try await gateway.join("7")
      func get(_ target: String) async throws -> HTTPTestClient.Response {
        try await HTTPTestClient.request(port: gateway.adminPort, target)
      }
      #expect(try await get("/healthz").status == 200)
      #expect(try await get("/readyz").status == 200)
      #expect(try await get("/nothing").status == 404)
      let metrics = try await get("/metrics").body
      #expect(metrics.contains("# TYPE martlet_sessions gauge\nmartlet_sessions 1\n"))
      #expect(metrics.contains("martlet_joins_total 1\n"))
      // Every sample has its HELP and TYPE.
      let lines = metrics.split(separator: "\n")
      let typed = Set(lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] })
      for line in lines where !line.hasPrefix("#") {
        #expect(typed.contains(line.prefix { $0 != " " && $0 != "{" }))
      }
    }
  }
}

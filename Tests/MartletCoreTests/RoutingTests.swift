import MartletTestSupport
import Testing

@testable import MartletCore

@Suite struct RoutingTests {
  @Test func `A pattern matches whole segments, whether or not there is a slash at the end`() throws
  {
    let pattern = try PathPattern("/ws/projects/{project_id}/")
    #expect(pattern.match("/ws/projects/42/") == ["project_id": "42"])
    #expect(pattern.match("/ws/projects/42") == ["project_id": "42"])
    #expect(pattern.match("/ws/projects/") == nil)
    #expect(pattern.match("/ws/projects/42/x") == nil)
    #expect(pattern.match("/ws/tasks/42") == nil)
  }

  @Test(arguments: ["ws", "/a{b}", "/{a}/{a}", "/{}", "/{a b}", "/{a", "/a}"])
  func `A bad pattern is refused`(text: String) {
    #expect(throws: PatternError.self) { try PathPattern(text) }
  }

  @Test func `A template is filled, and recognises what it could have produced`() throws {
    let template = try TextTemplate("project_{id}_x{user.id}", allowed: ["id"])
    #expect(template.filled(["id": "42"], user: "u7") == "project_42_xu7")
    #expect(template.mentionsUser)
    #expect(template.couldProduce("project_42_xu7"))
    #expect(template.couldProduce("project_a_b_xc"))
    #expect(!template.couldProduce("project__x"))
    #expect(!template.couldProduce("task_42_xu7"))
  }

  @Test func `A template recognises exactly what it can produce`() throws {
    let pieces = ["a", "_", "ab"]
    let seed = UInt64.random(in: 0 ... .max)
    print("RoutingTests seed: \(seed)")
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      let parts = (0..<Int.random(in: 1...5, using: &random)).map { _ in
        Bool.random(using: &random) ? "{x}" : pieces.randomElement(using: &random) ?? ""
      }
      let template = try TextTemplate(parts.joined(), allowed: ["x"])
      let candidate = (0..<Int.random(in: 0...8, using: &random))
        .map { _ in ["a", "b", "_"].randomElement(using: &random) ?? "" }.joined()
      #expect(
        template.couldProduce(candidate) == Self.matches(parts[...], candidate[...]),
        "\(parts) \(candidate)")
    }
  }

  /// The same question, answered by trying everything.
  private static func matches(_ parts: ArraySlice<String>, _ rest: Substring) -> Bool {
    guard let first = parts.first else { return rest.isEmpty }
    if first != "{x}" {
      return rest.hasPrefix(first) && matches(parts.dropFirst(), rest.dropFirst(first.count))
    }
    return rest.indices.contains { matches(parts.dropFirst(), rest[rest.index(after: $0)...]) }
  }

  @Test(arguments: ["{other}", "{id", "id}", "a{}b"])
  func `A bad template is refused, and the error names what there is`(text: String) {
    let error = #expect(throws: PatternError.self) { try TextTemplate(text, allowed: ["id"]) }
    if text == "{other}" { #expect(error?.message.contains("{id}, {user.id}") == true) }
  }

  @Test func `The first matching route wins, by path and by group`() throws {
    let first = Route(
      path: try PathPattern("/chat/direct/{user}"),
      group: try TextTemplate("direct_{user}", allowed: ["user"]))
    let second = Route(
      path: try PathPattern("/chat/{kind}/{room}"),
      group: try TextTemplate("{kind}_{room}", allowed: ["kind", "room"]), hasPresence: true)
    let table = RoutingTable([first, second])
    #expect(table.match("/chat/direct/7")?.route.hasPresence == false)
    #expect(table.match("/chat/room/7")?.variables == ["kind": "room", "room": "7"])
    #expect(table.match("/nothing") == nil)
    let direct = try #require(GroupName("direct_7"))
    #expect(table.route(leadingTo: direct)?.hasPresence == false)
  }

  @Test func `Claims are compared with values, path variables and the user`() throws {
    func text(_ text: String) throws -> ClaimCondition.Operand {
      .text(try TextTemplate(text, allowed: ["id"]))
    }
    func permits(_ claim: String, _ test: ClaimCondition.Test, _ value: JSONValue?) -> Bool {
      AccessRule(conditions: [ClaimCondition(claim: claim, test: test)]).permits(
        claims: value.map { [claim: $0] } ?? [:], variables: ["id": "42"], user: "u1")
    }
    #expect(permits("p", .contains(try text("{id}")), .array([.string("7"), .string("42")])))
    #expect(permits("p", .contains(try text("{id}")), .array([.number(42)])))
    #expect(!permits("p", .contains(try text("{id}")), .array([.number(43)])))
    #expect(!permits("p", .contains(try text("{id}")), .string("42")))
    #expect(permits("owner", .equals(try text("{user.id}")), .string("u1")))
    #expect(!permits("owner", .equals(try text("{user.id}")), .string("u2")))
    #expect(permits("staff", .equals(.fixed(.bool(true))), .bool(true)))
    #expect(!permits("staff", .equals(.fixed(.bool(true))), .string("true")))
    #expect(permits("role", .isOne(of: [try text("a"), try text("b")]), .string("b")))
    #expect(!permits("role", .isOne(of: [try text("a")]), nil))
  }

  @Test func `All conditions have to hold`() {
    let rule = AccessRule(conditions: [
      ClaimCondition(claim: "a", test: .equals(.fixed(.number(1)))),
      ClaimCondition(claim: "b", test: .equals(.fixed(.number(2)))),
    ])
    #expect(rule.permits(claims: ["a": .number(1), "b": .number(2)], variables: [:], user: ""))
    #expect(!rule.permits(claims: ["a": .number(1)], variables: [:], user: ""))
  }
}

@Suite struct BackoffTests {
  @Test func `Delays double up to the maximum, are random, and start again after a success`() {
    let seed = UInt64.random(in: 0 ... .max)
    print("RoutingTests seed: \(seed)")
    var random = SeededGenerator(seed: seed)
    var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(2))
    for bound in [100, 200, 400, 800, 1_600, 2_000, 2_000] {
      let delay = backoff.next(using: &random)
      #expect(delay <= .milliseconds(bound) && delay >= .milliseconds(bound / 10))
    }
    for _ in 0..<100 { #expect(backoff.next(using: &random) <= .seconds(2)) }
    backoff.reset()
    #expect(backoff.next(using: &random) <= .milliseconds(100))
    let delays = Set((0..<20).map { _ in backoff.next(using: &random) })
    #expect(delays.count > 1)
  }
}

@Suite struct AddressTests {
  @Test func `Addresses are read, with IPv6 in brackets`() {
    #expect(HostAndPort("127.0.0.1:80") == HostAndPort(host: "127.0.0.1", port: 80))
    #expect(HostAndPort("[::1]:80") == HostAndPort(host: "::1", port: 80))
    #expect(HostAndPort("[::1]:80")?.description == "[::1]:80")
    #expect(HostAndPort("host", defaultPort: 6_379)?.port == 6_379)
    for bad in ["", "host", ":80", "host:", "host:65536", "host:-1", "host:x", "[::1", "[::1]80"] {
      #expect(HostAndPort(bad) == nil)
    }
  }

  @Test func `Redis URLs are read, and never print their credentials`() throws {
    let full = try #require(RedisServer(url: "redis://ann:p@ss:word@redis.example:6380/3"))
    #expect(full.host == "redis.example" && full.port == 6_380 && full.database == 3)
    #expect(full.username == "ann" && full.password == "p@ss:word")
    #expect("\(full)" == "redis.example:6380/3")
    let short = try #require(RedisServer(url: "redis://:secret@localhost"))
    #expect(short.username == nil && short.password == "secret" && short.port == 6_379)
    for bad in [
      "", "localhost", "http://x", "redis://", "redis://x:0", "redis://x/y", "redis://a@x",
    ] {
      #expect(RedisServer(url: bad) == nil)
    }
  }
}

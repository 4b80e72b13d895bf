import MartletTestSupport
import Testing

@testable import MartletCore

@Suite struct TenantsTests {
  private let acme = TenantName(trusted: "acme")

  @Test(arguments: ["a", "42", "Acme_Inc.-1", ".", "..", String(repeating: "x", count: 64)])
  func `Tenant names of the alphabet are accepted`(name: String) {
    #expect(TenantName(name)?.rawValue == name)
  }

  @Test(arguments: [
    "", " ", "a b", "a/b", "/", "a~b", "a:b", "a@b", "{a}", "é", "a%2Fb", "a\n", "a\0", "a\u{338}",
    String(repeating: "x", count: 65),
  ])
  func `Other tenant names are refused`(name: String) {
    #expect(TenantName(name) == nil)
  }

  @Test func `A claim names a tenant by a text or a whole number`() {
    #expect(TenantName(claim: .string("acme")) == acme)
    #expect(TenantName(claim: .number(42))?.rawValue == "42")
    #expect(TenantName(claim: .number(-0.0))?.rawValue == "0")
    #expect(TenantName(claim: .number(9_007_199_254_740_991))?.rawValue == "9007199254740991")
  }

  @Test(
    arguments: [
      nil, .null, .bool(true), .array([.string("acme")]), .object(["id": .string("acme")]),
      .string(""), .string("a/b"), .number(1.5), .number(.infinity), .number(.nan),
      // 2^53 + 1 is read as the same number.
      .number(9_007_199_254_740_992), .number(-9_007_199_254_740_992), .number(1e300),
    ] as [JSONValue?])
  func `Other claims name no tenant`(claim: JSONValue?) {
    #expect(TenantName(claim: claim) == nil)
  }

  @Test func `A group has its tenant in front, and is called by its name`() throws {
    let group = try #require(GroupName(tenant: acme, name: "room_7"))
    #expect(group.rawValue == "acme/room_7" && "\(group)" == "acme/room_7")
    #expect(group.tenant == acme && group.name == "room_7")
    #expect(GroupName(trusted: group.rawValue) == group)
    let alone = try #require(GroupName("room_7"))
    #expect(alone.tenant == nil && alone.name == "room_7" && alone != group)
    let long = String(repeating: "x", count: GroupName.maximumLength)
    let tenant = TenantName(String(repeating: "t", count: TenantName.maximumLength))
    #expect(GroupName(tenant: tenant, name: long)?.name == long[...])
    #expect(GroupName(tenant: acme, name: long + "x") == nil)
    #expect(GroupName(tenant: acme, name: "") == nil)
  }

  @Test func `Groups of two tenants are two, each in a shard that never changes`() throws {
    let map = ShardMap(count: 1_024)
    let groups = try ["acme", "beta"].map { tenant in
      try #require(GroupName(tenant: TenantName(tenant), name: "room_7"))
    }
    #expect(groups[0] != groups[1])
    // Fixed for ever, like that of a group without a tenant.
    #expect(groups.map { map.shard(of: $0) } == [57, 337])
  }

  @Test func `A route's settings are those of all tenants`() throws {
    let table = RoutingTable([
      Route(path: try PathPattern("/a"), group: try TextTemplate("a_{user.id}", allowed: [])),
      Route(
        path: try PathPattern("/r/{r}"), group: try TextTemplate("r_{r}", allowed: ["r"]),
        hasPresence: true),
    ])
    let group = try #require(GroupName(tenant: acme, name: "r_1"))
    #expect(table.route(leadingTo: group)?.hasPresence == true)
    // The tenant is no part of what a template is compared with.
    let other = try #require(GroupName(tenant: TenantName("a_"), name: "b_1"))
    #expect(table.route(leadingTo: other) == nil)
  }

  // MARK: Whatever is brought

  private static let pieces = [
    "/", "//", "acme", "beta", "beta/", "/beta/", "..", ".", "%2F", "%2f", "%252F", "\u{2044}",
    "\u{2215}", "\u{FF0F}", "\u{338}", "\0", "\t", "\n", "\r\n", " ", "{", "}", "{user.id}", "~",
    ":", "@", "a", "é", "e\u{301}", "\u{202E}", "\\", "\"", "?", "#", "\u{FFFD}",
  ]

  private static func hostile(_ random: inout SeededGenerator) -> String {
    (0..<Int.random(in: 0...6, using: &random))
      .map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
  }

  @Test func `No name, path or user id leads to another tenant's group`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let pattern = try PathPattern("/ws/{room}")
    let template = try TextTemplate("{room}{user.id}", allowed: ["room"])
    for _ in 0..<20_000 {
      let text = Self.hostile(&random)
      let user = Self.hostile(&random)
      let variables = pattern.match("/ws/\(text)"[...]) ?? ["room": text]
      for name in [text, template.filled(variables, user: user)] {
        #expect(GroupName(name)?.tenant == nil, "seed \(seed): \(name.debugDescription)")
        guard let group = GroupName(tenant: acme, name: name) else { continue }
        #expect(
          group.tenant == acme && group.name.utf8.elementsEqual(name.utf8)
            && group.rawValue.utf8.count { $0 == TenantName.separator } == 1,
          "seed \(seed): \(name.debugDescription)")
      }
      if let tenant = TenantName(text) { #expect(!tenant.rawValue.utf8.contains(0x2F)) }
    }
  }

  @Test func `No user id leads to another tenant's user`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let beta = TenantName(trusted: "beta")
    for _ in 0..<20_000 {
      let (one, other) = (Self.hostile(&random), Self.hostile(&random))
      let key = UserKey(tenant: acme, id: one)
      #expect(key != UserKey(tenant: beta, id: other), "seed \(seed)")
      #expect(key.text.utf8.starts(with: "acme/".utf8), "seed \(seed)")
      #expect(key.text.utf8.dropFirst(5).elementsEqual(one.utf8), "seed \(seed)")
    }
  }
}

internal import Foundation
internal import MartletCore
internal import MartletDaemon
internal import MartletPresence
internal import NIOCore
internal import NIOHTTP1

/// Who is where, for backends (docs/protocol.md, HTTP API).
struct PresenceAPI: Sendable {
  private static let maximumCounts = 1_000
  private static let maximumLists = 100
  private static let maximumUsers = 200

  let services: GatewayServices
  /// Whose groups and users are spoken of; nil in a cluster without tenants.
  let tenant: TenantName?

  // MARK: Groups

  /// `GET /api/presence/GROUP?limit=&after=`
  func members(
    of name: String, _ query: [String: String]
  ) throws(Refusal) -> EventLoopFuture<HTTPResponse> {
    let group = try GroupName(request: name, tenant: tenant)
    let maximum = MemberPage.Request.maximumLimit
    let limit = query["limit"].map { Int($0) ?? 0 } ?? services.limits.presenceCap
    guard (1...maximum).contains(limit) || query["limit"] == nil else {
      throw Refusal(.badParameter, "limit is a whole number from 1 to \(maximum)")
    }
    let after = try query["after"].map { text throws(Refusal) in
      guard let cursor = MemberPage.Cursor(text: text) else {
        throw Refusal(.badParameter, "after is the next of an earlier answer")
      }
      return cursor
    }
    return answer(list(group, limit: max(limit, 1), after: after))
  }

  /// `GET /api/presence/GROUP/count`
  func count(of name: String) throws(Refusal) -> EventLoopFuture<HTTPResponse> {
    let group = try GroupName(request: name, tenant: tenant)
    return answer(
      services.presence.counts(of: [group]).map { counts in
        #"{"group":"\#(group.name)","count":\#(counts[0])}"#
      })
  }

  /// `POST /api/presence` `{"groups":[…],"members":false,"limit":…}`
  func groups(_ body: ByteBuffer) throws(Refusal) -> EventLoopFuture<HTTPResponse> {
    let fields = try RequestFields(body, allowed: ["groups", "members", "limit"])
    let withMembers = try fields.boolean("members") ?? false
    let limit =
      try fields.integer("limit", 1...MemberPage.Request.maximumLimit)
      ?? max(services.limits.presenceCap, 1)
    let maximum = withMembers ? Self.maximumLists : Self.maximumCounts
    var groups: [GroupName] = []
    for text in try fields.texts("groups", 1...maximum) {
      groups.append(try GroupName(request: text, tenant: tenant))
    }
    let names = groups
    guard withMembers else {
      return answer(
        services.presence.counts(of: names).map { counts in
          let list = zip(names, counts).map { #"{"group":"\#($0.name)","count":\#($1)}"# }
          return #"{"groups":[\#(list.joined(separator: ","))]}"#
        })
    }
    let lists = names.map { list($0, limit: limit, after: nil) }
    return answer(
      EventLoopFuture.whenAllSucceed(lists, on: lists[0].eventLoop).map {
        #"{"groups":[\#($0.joined(separator: ","))]}"#
      })
  }

  private func list(
    _ group: GroupName, limit: Int, after: MemberPage.Cursor?
  ) -> EventLoopFuture<String> {
    let activeSince = services.limits.activeSince(WallClock.milliseconds)
    return services.presence.members(
      of: group, page: MemberPage.Request(limit: limit, after: after)
    ).map { page in
      let members = page.members.map { $0.json(activeSince: activeSince) }
      return #"{"group":"\#(group.name)","count":\#(page.count),"#
        + #""members":[\#(members.joined(separator: ","))],"#
        + #""next":\#(page.next.map { JSONText.quoted($0.text) } ?? "null")}"#
    }
  }

  // MARK: Users

  /// `GET /api/users/ID`
  func user(_ id: String) throws(Refusal) -> EventLoopFuture<HTTPResponse> {
    try check(id)
    return answer(users([id]).map { $0[0] })
  }

  /// `POST /api/users` `{"users":[…]}`
  func users(_ body: ByteBuffer) throws(Refusal) -> EventLoopFuture<HTTPResponse> {
    let fields = try RequestFields(body, allowed: ["users"])
    let ids = try fields.texts("users", 1...Self.maximumUsers)
    for id in ids { try check(id) }
    return answer(users(ids).map { #"{"users":[\#($0.joined(separator: ","))]}"# })
  }

  /// `PUT /api/users/ID/status` `{"status":…}`
  func choose(_ id: String, _ body: ByteBuffer) throws(Refusal) -> EventLoopFuture<HTTPResponse> {
    try check(id)
    let fields = try RequestFields(body, allowed: ["status"])
    guard let status = try fields.text("status").flatMap({ UserStatus(rawValue: $0) }) else {
      throw Refusal(.malformed, UserStatus.choices)
    }
    // Those who are told know the user's name from elsewhere.
    let user = User(id: id, name: nil)
    return answer(
      services.presence.choose(status, for: HomeUser(user: user, tenant: tenant)).map {
        #"{"id":\#(JSONText.quoted(id)),"status":"\#(status.rawValue)"}"#
      })
  }

  private func users(_ ids: [String]) -> EventLoopFuture<[String]> {
    let activeSince = services.limits.activeSince(WallClock.milliseconds)
    return services.presence.users(ids.map { UserKey(tenant: tenant, id: $0) }).map { users in
      zip(ids, users).map { $1.json(id: $0, activeSince: activeSince) }
    }
  }

  /// Throws unless somebody may have this id.
  private func check(_ id: String) throws(Refusal) {
    guard (1...128).contains(id.utf8.count), !id.hasPrefix(User.anonymousPrefix) else {
      throw Refusal(
        .badParameter,
        "a user id is 1 to 128 bytes; anonymous users are known in their groups only")
    }
  }

  private func answer(_ text: EventLoopFuture<String>) -> EventLoopFuture<HTTPResponse> {
    text.map { HTTPResponse.json(.ok, $0) }
      .flatMapErrorThrowing { GatewayAPI.response(Refusal(.unavailable, "\($0)")) }
  }
}

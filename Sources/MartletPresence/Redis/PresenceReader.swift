internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// Answers a gateway's questions from what the aggregators persist. Confined to its event loop, which is that of the questions
/// of some shards' groups.
final class PresenceReader {
  /// A page of a group.
  private struct Question: Hashable {
    var group: GroupName
    var page: MemberPage.Request
  }

  private let keyspace: RedisKeyspace
  private let eventLoop: any EventLoop
  private let clientOfShard: @Sendable (Int) -> RedisClient
  /// Of each question: one is under way, and these wait for the next.
  private var waiting: [Question: [EventLoopPromise<MemberPage>]] = [:]

  /// - Parameter clientOfShard: on any event loop.
  init(
    _ keyspace: RedisKeyspace, on eventLoop: any EventLoop,
    clientOfShard: @escaping @Sendable (Int) -> RedisClient
  ) {
    self.keyspace = keyspace
    self.eventLoop = eventLoop
    self.clientOfShard = clientOfShard
  }

  // MARK: Members

  /// Equal questions share an answer; one never answers a question that was asked after its reading began, since
  /// the asker would miss what happened between.
  func members(of group: GroupName, page: MemberPage.Request) -> EventLoopFuture<MemberPage> {
    let promise = eventLoop.makePromise(of: MemberPage.self)
    let question = Question(group: group, page: page)
    if waiting[question] == nil {
      waiting[question] = []
      ask(question, for: [promise])
    } else {
      waiting[question]?.append(promise)
    }
    return promise.futureResult
  }

  private func ask(_ question: Question, for promises: [EventLoopPromise<MemberPage>]) {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    read(question).whenComplete { result in
      for promise in promises { promise.completeWith(result) }
      let next = bound.value.waiting[question] ?? []
      bound.value.waiting[question] = next.isEmpty ? nil : []
      if !next.isEmpty { bound.value.ask(question, for: next) }
    }
  }

  private func read(_ question: Question) -> EventLoopFuture<MemberPage> {
    let (group, page) = (question.group, question.page)
    let shard = keyspace.shards.shard(of: group)
    return clientOfShard(shard).evaluate(
      PresenceScripts.members,
      keys: [keyspace.members(group), keyspace.seen(group), keyspace.shown(shard)],
      arguments: [
        .number(Int64(clamping: page.cap)), .number(Int64(page.limit) + 1),
        .text(page.after.map { "\($0.lastSeen)" } ?? ""), .text(page.after?.userID ?? ""),
        .text(group.rawValue),
      ]
    ).hop(to: eventLoop).map { reply in
      let (count, members) = Self.members(reply)
      // One more was asked for, to see whether there is another page.
      let shown = Array(members.prefix(page.limit))
      let next = members.count > page.limit ? shown.last : nil
      return MemberPage(
        count: count, members: shown,
        next: next.map { MemberPage.Cursor(lastSeen: $0.lastSeen, userID: $0.userID) })
    }
  }

  /// The reply of ``PresenceScripts/members``.
  private static func members(_ reply: RedisValue) -> (count: Int, [PresenceMember]) {
    let parts = reply.elements ?? []
    let count = Int(parts.first?.number ?? 0)
    guard parts.count == 4 else { return (count, []) }
    let values = zip(parts[2].elements ?? [], parts[3].elements ?? [])
    let members = zip(parts[1].pairs, values).compactMap { seen, value -> PresenceMember? in
      guard let (profile, connections) = value.0.text.flatMap({ PresenceRecords.member($0) })
      else { return nil }
      return PresenceMember(
        userID: seen.name, profile: profile, connections: connections,
        lastSeen: seen.value.text.flatMap { Int64($0) } ?? 0,
        status: value.1.text.flatMap { PresenceRecords.shown($0) } ?? .available)
    }
    return (count, members)
  }

  func counts(of groups: [GroupName]) -> EventLoopFuture<[Int]> {
    let replies = groups.map { group in
      let key = keyspace.members(group)
      return clientOfShard(keyspace.shards.shard(of: group)).send(
        ["HLEN", .text(key)], key: key
      ).map { Int($0.number ?? 0) }
    }
    return EventLoopFuture.whenAllSucceed(replies, on: eventLoop)
  }

  // MARK: Users

  func users(_ users: [UserKey]) -> EventLoopFuture<[UserPresence]> {
    EventLoopFuture.whenAllSucceed(users.map { user($0) }, on: eventLoop)
  }

  private func user(_ user: UserKey) -> EventLoopFuture<UserPresence> {
    let home = keyspace.shards.home(of: user)
    let client = clientOfShard(home)
    func send(_ name: RedisCommand.Argument, _ key: String, _ more: RedisCommand.Argument...)
      -> EventLoopFuture<RedisValue>
    {
      client.send(RedisCommand([name, .text(key)] + more), key: key)
    }
    let replies = [
      send("HGETALL", keyspace.user(user)),
      send("ZSCORE", keyspace.lastSeen(home), .text(user.text)),
      send("HGET", keyspace.statuses(home), .text(user.text)),
    ]
    return EventLoopFuture.whenAllSucceed(replies, on: eventLoop).map { replies in
      var presence = UserPresence(
        key: user, status: .available, lastSeen: replies[1].text.flatMap { Int64($0) },
        sessionStart: nil, places: [])
      for (field, value) in replies[0].pairs {
        if field.isEmpty {
          presence.sessionStart = value.text.flatMap { Int64($0) }
        } else if let key = PresenceRecords.membership(field),
          let place = value.text.flatMap({ PresenceRecords.place($0) })
        {
          presence.places.append(
            UserPresence.Place(
              connectionID: key.membership.connectionID, joined: place.joined, json: place.json))
        }
      }
      presence.places.sort { ($0.joined, $0.connectionID) < ($1.joined, $1.connectionID) }
      presence.lastSeen = presence.lastSeen ?? presence.sessionStart
      let status = replies[2].text.flatMap { PresenceRecords.status($0) }
      presence.status =
        presence.sessionStart == nil ? .offline : status?.shown ?? .available
      return presence
    }
  }
}

internal import Foundation
internal import MartletBackplane
internal import MartletCore
internal import NIOCore

/// A shard of an ``EmbeddedPresence``: its aggregator, and what a Redis would keep for answers. Confined to its event loop.
final class EmbeddedShard {
  private static let gateway = "embedded"

  private let aggregator: ShardAggregator
  private let store: EmbeddedPresenceStore
  private let eventLoop: any EventLoop
  private var sequence: UInt64 = 0

  init(
    _ shard: Int, of backplane: any Backplane, rules: PresenceRules, on eventLoop: any EventLoop
  ) {
    self.eventLoop = eventLoop
    store = EmbeddedPresenceStore(backplane, on: eventLoop)
    aggregator = ShardAggregator(
      PresenceState(shard: shard, of: backplane.shards, rules: rules), store: store,
      on: eventLoop, wallClock: { Self.wallClock })
  }

  func connect(to shards: [NIOLoopBoundBox<EmbeddedShard>]) {
    store.shards = shards
  }

  func end() -> EventLoopFuture<Void> {
    store.shards = []
    return aggregator.end()
  }

  private static var wallClock: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }

  // MARK: Reports

  func join(_ session: PresenceSession) { report(.join(session)) }

  func leave(_ session: PresenceSession) { report(.leave(Membership(session))) }

  func report(_ operation: PresenceReport.Operation) {
    sequence += 1
    let report = PresenceReport(
      gateway: Self.gateway, sequence: sequence, body: .operations([operation]))
    _ = aggregator.apply([.report(report, Self.wallClock)])
  }

  func choose(_ status: UserStatus, for user: HomeUser) -> EventLoopFuture<Void> {
    aggregator.apply([.choice(status, user, Self.wallClock)])
  }

  // MARK: Questions

  func members(of group: GroupName, page: MemberPage.Request) -> MemberPage {
    let people = aggregator.state.rosters.groups[group]?.people ?? [:]
    guard people.count <= page.cap else {
      return MemberPage(count: people.count, members: [], next: nil)
    }
    let all = people.values.map { person in
      PresenceMember(
        userID: person.user.id, profile: person.profile.json,
        connections: person.connections.count,
        lastSeen: store.seen[group]?[person.user.id] ?? person.since,
        status: store.shownStatus(of: person.user.id, in: group))
    }.sorted { ($0.lastSeen, $0.userID) > ($1.lastSeen, $1.userID) }
    let rest = all.drop { member in
      page.after.map { (member.lastSeen, member.userID) >= ($0.lastSeen, $0.userID) } ?? false
    }
    let members = Array(rest.prefix(page.limit))
    let next = rest.count > members.count ? members.last : nil
    return MemberPage(
      count: people.count, members: members,
      next: next.map { MemberPage.Cursor(lastSeen: $0.lastSeen, userID: $0.userID) })
  }

  func count(of group: GroupName) -> Int {
    aggregator.state.rosters.groups[group]?.people.count ?? 0
  }

  func presence(of user: UserKey) -> UserPresence {
    let homes = aggregator.state.homes
    return UserPresence(
      key: user, status: homes.status(of: user), lastSeen: store.lastSeen[user],
      sessionStart: homes.sessionStart(of: user),
      places: (store.places[user] ?? [:]).values.map {
        UserPresence.Place(
          connectionID: $0.session.connectionID, joined: $0.joined, json: $0.json)
      }.sorted { ($0.joined, $0.connectionID) < ($1.joined, $1.connectionID) })
  }

  /// Remembers a user's status for a group of this shard, and tells the group, as ``PresenceScripts/notice`` does.
  func deliver(_ notice: StatusNotice) {
    store.show(notice)
    guard let status = notice.status,
      let roster = aggregator.state.rosters.groups[notice.key.group], !roster.isCounting,
      roster.people[notice.user.id]?.told != nil
    else { return }
    store.announce(
      PresenceDiff(group: notice.key.group, kind: .status(notice.user, status)))
  }
}

internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// Restores a shard's state from what is persisted, which nobody else writes meanwhile. Confined to its event loop; used once.
///
/// Fields become state as they come: what a shard has persisted is as large as its state, and is never held whole.
final class PresenceLoader {
  /// What was found.
  struct Loaded: Sendable {
    var state: PresenceState
    /// Nil: nothing is known of the shard; it is new, or its Redis came back empty.
    var cursor: String?
  }

  /// About how many fields one reply brings.
  private static let window = 256

  private typealias Read = @Sendable (_ field: String, _ value: String) -> PresenceState.Persisted?

  private let keyspace: RedisKeyspace
  private let shard: Int
  private let client: RedisClient
  private var loaded: Loaded

  init(_ configuration: RedisPresenceConfiguration, shard: Int, client: RedisClient) {
    self.keyspace = configuration.backplane.keyspace
    self.shard = shard
    self.client = client
    self.loaded = Loaded(
      state: PresenceState(shard: shard, of: keyspace.shards, rules: configuration.rules))
  }

  func load() -> EventLoopFuture<Loaded> {
    let loop = client.eventLoop
    let bound = NIOLoopBound(self, eventLoop: loop)
    return EventLoopFuture.andAllSucceed(loadMembers(), on: loop)
      .flatMap { EventLoopFuture.andAllSucceed(bound.value.loadRemarks(), on: loop) }
      .map { bound.value.loaded }
  }

  /// Who is there.
  private func loadMembers() -> [EventLoopFuture<Void>] {
    [
      loadCursor(), loadCounting(),
      scan(keyspace.connections(shard)) { .init(connection: $0, $1) },
      scan(keyspace.departing(shard)) { .init(departing: $0, $1) },
      scan(keyspace.sessions(shard)) { .init(session: $0, $1) },
      scan(keyspace.parting(shard)) { .init(parting: $1) },
      scan(keyspace.sequences(shard)) { .init(gateway: $0, $1) },
    ]
  }

  /// What speaks of those.
  private func loadRemarks() -> [EventLoopFuture<Void>] {
    [
      scan(keyspace.debts(shard)) { .init(debt: $0, $1) },
      scan(keyspace.statuses(shard)) { .init(status: $0, $1) },
      scan(keyspace.notices(shard)) { .init(notice: $0, $1) },
    ]
  }

  private func loadCursor() -> EventLoopFuture<Void> {
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    let key = keyspace.presenceCursor(shard)
    return client.send(["GET", .text(key)], key: key).map { bound.value.loaded.cursor = $0.text }
  }

  private func loadCounting() -> EventLoopFuture<Void> {
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    let key = keyspace.counting(shard)
    return client.send(["SMEMBERS", .text(key)], key: key).map { reply in
      for group in (reply.elements ?? []).compactMap(\.text) {
        bound.value.restore(.counting(GroupName(trusted: group)))
      }
    }
  }

  /// Brings the fields of a hash, perhaps repeatedly: `HSCAN` may, while a hash is being resized.
  private func scan(
    _ key: String, from cursor: String = "0", _ read: @escaping Read
  ) -> EventLoopFuture<Void> {
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    return client.send(
      ["HSCAN", .text(key), .text(cursor), "COUNT", .number(Int64(Self.window))], key: key
    ).flatMap { reply in
      for (field, value) in reply.elements?.last?.pairs ?? [] {
        guard let value = value.text, let persisted = read(field, value) else { continue }
        bound.value.restore(persisted)
      }
      let next = reply.elements?.first?.text ?? "0"
      guard next != "0" else { return bound.value.client.eventLoop.makeSucceededVoidFuture() }
      return bound.value.scan(key, from: next, read)
    }
  }

  private func restore(_ persisted: PresenceState.Persisted) {
    loaded.state.restore(persisted, now: ShardAggregator.now)
  }
}

/// Fields that cannot be read are left out: a part of a state is better than none.
extension PresenceState.Persisted {
  fileprivate init?(connection field: String, _ value: String) {
    guard let key = PresenceRecords.membership(field),
      let entry = PresenceRecords.rosterEntry(value)
    else { return nil }
    self = .connection(key, entry)
  }

  fileprivate init?(departing field: String, _ value: String) {
    guard let (group, _) = PresenceRecords.groupAndID(field),
      let person = PresenceRecords.departing(value)
    else { return nil }
    self = .departing(group, person.profile, afterDrain: person.afterDrain)
  }

  fileprivate init?(session field: String, _ value: String) {
    guard let key = PresenceRecords.membership(field), let entry = PresenceRecords.homeEntry(value)
    else { return nil }
    self = .session(key, entry)
  }

  fileprivate init?(parting value: String) {
    guard let person = PresenceRecords.parting(value) else { return nil }
    self = .parting(
      person.user, sessionStart: person.sessionStart, afterDrain: person.afterDrain)
  }

  fileprivate init?(gateway field: String, _ value: String) {
    guard let progress = PresenceRecords.progress(value) else { return nil }
    self = .gateway(field, sequence: progress.sequence, isDraining: progress.isDraining)
  }

  fileprivate init?(debt field: String, _ value: String) {
    guard let (group, id) = PresenceRecords.groupAndID(field),
      let kind = DiffDebt.Kind(rawValue: value)
    else { return nil }
    self = .debt(group, DiffDebt(kind: kind, userID: id))
  }

  fileprivate init?(status field: String, _ value: String) {
    guard let status = PresenceRecords.status(value) else { return nil }
    self = .status(UserKey(text: field), status)
  }

  fileprivate init?(notice field: String, _ value: String) {
    guard let (group, id) = PresenceRecords.groupAndID(field) else { return nil }
    let key = StatusNotice.Key(group: group, user: UserKey(text: id))
    guard let notice = PresenceRecords.notice(value, key: key) else { return nil }
    self = .notice(notice)
  }
}

internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// Reads a shard's persisted state, which nobody else writes meanwhile. Confined to its event loop; used once.
final class PresenceLoader {
  /// What was found.
  struct Loaded: Sendable {
    var persisted = PresenceState.Persisted()
    /// Nil: nothing is known of the shard; it is new, or its Redis came back empty.
    var cursor: String?
  }

  /// About how many fields one reply brings.
  private static let window = 1_000

  private let keyspace: RedisKeyspace
  private let shard: Int
  private let client: RedisClient
  private var loaded = Loaded()

  init(_ configuration: RedisPresenceConfiguration, shard: Int, client: RedisClient) {
    self.keyspace = configuration.backplane.keyspace
    self.shard = shard
    self.client = client
  }

  func load() -> EventLoopFuture<Loaded> {
    let loop = client.eventLoop
    let bound = NIOLoopBound(self, eventLoop: loop)
    let cursor = keyspace.presenceCursor(shard)
    let counting = keyspace.counting(shard)
    let parts = [
      client.send(["GET", .text(cursor)], key: cursor).map {
        bound.value.loaded.cursor = $0.text
      },
      client.send(["SMEMBERS", .text(counting)], key: counting).map { reply in
        bound.value.loaded.persisted.counting = (reply.elements ?? []).compactMap(\.text).map {
          GroupName(trusted: $0)
        }
      },
      scan(keyspace.connections(shard)) { $0.addConnection($1, $2) },
      scan(keyspace.departing(shard)) { $0.addDeparting($1, $2) },
      scan(keyspace.debts(shard)) { $0.addDebt($1, $2) },
      scan(keyspace.sessions(shard)) { $0.addSession($1, $2) },
      scan(keyspace.parting(shard)) { $0.addParting($1, $2) },
      scan(keyspace.statuses(shard)) { $0.addStatus($1, $2) },
      scan(keyspace.notices(shard)) { $0.addNotice($1, $2) },
      scan(keyspace.sequences(shard)) { $0.addGateway($1, $2) },
    ]
    return EventLoopFuture.andAllSucceed(parts, on: loop).map { bound.value.loaded }
  }

  /// Brings the fields of a hash, perhaps repeatedly: `HSCAN` may, while a hash is being resized.
  private func scan(
    _ key: String, from cursor: String = "0",
    _ add: @escaping @Sendable (inout PresenceState.Persisted, String, String) -> Void
  ) -> EventLoopFuture<Void> {
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    return client.send(
      ["HSCAN", .text(key), .text(cursor), "COUNT", .number(Int64(Self.window))], key: key
    ).flatMap { reply in
      for (field, value) in reply.elements?.last?.pairs ?? [] {
        if let value = value.text { add(&bound.value.loaded.persisted, field, value) }
      }
      let next = reply.elements?.first?.text ?? "0"
      guard next != "0" else { return bound.value.client.eventLoop.makeSucceededVoidFuture() }
      return bound.value.scan(key, from: next, add)
    }
  }
}

/// Fields that cannot be read are left out: a part of a state is better than none.
extension PresenceState.Persisted {
  fileprivate mutating func addConnection(_ field: String, _ value: String) {
    guard let key = PresenceRecords.membership(field),
      let entry = PresenceRecords.rosterEntry(value)
    else { return }
    connections[key] = entry
  }

  fileprivate mutating func addDeparting(_ field: String, _ value: String) {
    guard let (group, _) = PresenceRecords.groupAndID(field),
      let person = PresenceRecords.departing(value)
    else { return }
    departing.append((group, person.profile, person.afterDrain))
  }

  fileprivate mutating func addDebt(_ field: String, _ value: String) {
    guard let (group, id) = PresenceRecords.groupAndID(field),
      let kind = DiffDebt.Kind(rawValue: value)
    else { return }
    debts[group, default: []].append(DiffDebt(kind: kind, userID: id))
  }

  fileprivate mutating func addSession(_ field: String, _ value: String) {
    guard let key = PresenceRecords.membership(field), let entry = PresenceRecords.homeEntry(value)
    else { return }
    sessions[key] = entry
  }

  fileprivate mutating func addParting(_ field: String, _ value: String) {
    guard let person = PresenceRecords.parting(value) else { return }
    parting.append((person.user, person.sessionStart, person.afterDrain))
  }

  fileprivate mutating func addStatus(_ field: String, _ value: String) {
    guard let status = PresenceRecords.status(value) else { return }
    statuses.append((UserKey(text: field), status))
  }

  fileprivate mutating func addNotice(_ field: String, _ value: String) {
    guard let (group, id) = PresenceRecords.groupAndID(field) else { return }
    let key = StatusNotice.Key(group: group, user: UserKey(text: id))
    guard let notice = PresenceRecords.notice(value, key: key) else { return }
    notices.append(notice)
  }

  fileprivate mutating func addGateway(_ field: String, _ value: String) {
    guard let progress = PresenceRecords.progress(value) else { return }
    gateways.append((field, progress.sequence, progress.isDraining))
  }
}

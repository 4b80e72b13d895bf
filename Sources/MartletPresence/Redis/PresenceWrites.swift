internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// The keys and arguments of one ``PresenceScripts/commit``.
struct PresenceWrites {
  private(set) var keys: [String]
  private(set) var arguments: [RedisCommand.Argument]
  private let keyspace: RedisKeyspace
  private let shard: Int
  /// Of keys that are written, from 1.
  private var places: [String: Int64] = [:]

  init(
    _ configuration: RedisPresenceConfiguration, shard: Int, owner: String, cursor: String?
  ) {
    keyspace = configuration.backplane.keyspace
    self.shard = shard
    keys = [
      keyspace.presenceOwner(shard), keyspace.presenceCursor(shard), keyspace.reports(shard),
      keyspace.stream(shard),
    ]
    arguments = [
      .text(owner), .text(cursor ?? ""), .number(Int64(configuration.backplane.shardStreamLength)),
    ]
  }

  mutating func add(_ change: PresenceChange) {
    switch change {
    case .connected(let key, let entry):
      set(
        keyspace.connections(shard), PresenceRecords.field(key), PresenceRecords.value(entry))
    case .disconnected(let key):
      unset(keyspace.connections(shard), PresenceRecords.field(key))
    case .departing(let group, let user, let since, let afterDrain):
      set(
        keyspace.departing(shard), PresenceRecords.field(group, user.id),
        PresenceRecords.departing(user, since: since, afterDrain: afterDrain))
    case .returned(let group, let userID):
      unset(keyspace.departing(shard), PresenceRecords.field(group, userID))
    case .owed(let group, let debt):
      set(
        keyspace.debts(shard), PresenceRecords.field(group, debt.userID), debt.kind.rawValue)
    case .settled(let group, let debt):
      unset(keyspace.debts(shard), PresenceRecords.field(group, debt.userID))
    case .counting(let group, true):
      arguments += ["s", place(keyspace.counting(shard)), .text(group.rawValue)]
    case .counting(let group, false):
      arguments += ["r", place(keyspace.counting(shard)), .text(group.rawValue)]
    case .listed(let group, let profile, let connections):
      set(
        keyspace.members(group), profile.user.id,
        PresenceRecords.member(profile, connections: connections))
    case .unlisted(let group, let userID):
      unset(keyspace.members(group), userID)
      arguments += ["y", place(keyspace.seen(group)), .text(userID)]
    case .seen(let group, let userID, let time):
      arguments += ["z", place(keyspace.seen(group)), .number(time), .text(userID)]
    case .announced(let diff):
      let record = RedisCommand.Argument.bytes(
        EphemeralRecord.encode(group: diff.group, event: diff.event))
      if case .joined(let profile, _) = diff.kind {
        arguments += [
          "j", place(keyspace.shown(shard)),
          .text(PresenceRecords.field(diff.group, profile.user.id)), record,
        ]
      } else {
        arguments += ["p", record]
      }
    case .opened, .closed, .parting, .reopened, .status, .noticed, .delivered, .arrived, .gone,
      .userSeen, .forgotSeen:
      addHome(change)
    case .advanced(let gateway, let sequence, let isDraining):
      set(
        keyspace.sequences(shard), gateway,
        PresenceRecords.progress(sequence, isDraining: isDraining))
    case .forgotten(let gateway):
      unset(keyspace.gateways(shard), gateway)
      unset(keyspace.sequences(shard), gateway)
    case .requestedSnapshot(let gateway):
      unset(keyspace.gateways(shard), gateway)
    }
  }

  private mutating func addHome(_ change: PresenceChange) {
    switch change {
    case .opened(let key, let entry, let homePlace):
      let field = PresenceRecords.field(key)
      set(keyspace.sessions(shard), field, PresenceRecords.value(entry))
      set(keyspace.user(entry.user.key), field, PresenceRecords.value(homePlace))
    case .closed(let key, let user):
      let field = PresenceRecords.field(key)
      unset(keyspace.sessions(shard), field)
      unset(keyspace.user(user), field)
    case .parting(let user, let start, let afterDrain):
      set(
        keyspace.parting(shard), user.key.text,
        PresenceRecords.parting(user, sessionStart: start, afterDrain: afterDrain))
    case .reopened(let user):
      unset(keyspace.parting(shard), user.text)
    case .status(let user, let status?):
      set(keyspace.statuses(shard), user.text, PresenceRecords.value(status))
    case .status(let user, nil):
      unset(keyspace.statuses(shard), user.text)
    case .noticed(let notice):
      set(
        keyspace.notices(shard), PresenceRecords.field(notice.key.group, notice.key.user.text),
        PresenceRecords.value(notice))
    case .delivered(let key):
      unset(keyspace.notices(shard), PresenceRecords.field(key.group, key.user.text))
    case .arrived(let user, let start):
      set(keyspace.user(user), "", "\(start)")
    case .gone(let user):
      arguments += ["d", place(keyspace.user(user))]
    case .userSeen(let user, let time):
      arguments += ["z", place(keyspace.lastSeen(shard)), .number(time), .text(user.text)]
    case .forgotSeen(let time):
      arguments += ["c", place(keyspace.lastSeen(shard)), .text("(\(time)")]
    default:
      break
    }
  }

  private mutating func set(_ key: String, _ field: String, _ value: String) {
    arguments += ["h", place(key), .text(field), .text(value)]
  }

  private mutating func unset(_ key: String, _ field: String) {
    arguments += ["x", place(key), .text(field)]
  }

  private mutating func place(_ key: String) -> RedisCommand.Argument {
    if let place = places[key] { return .number(place) }
    keys.append(key)
    let place = Int64(keys.count)
    places[key] = place
    return .number(place)
  }
}

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
  private var places: [Target: Int64] = [:]

  /// What is written. A key's text is made once per commit, however often the key is written.
  private enum Target: Hashable {
    case connections, departing, debts, counting, sessions, parting, statuses, notices, lastSeen,
      gateways, sequences, shown
    case members(GroupName)
    case seen(GroupName)
    case user(UserKey)
  }

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
        .connections, PresenceRecords.field(key), PresenceRecords.value(entry))
    case .disconnected(let key):
      unset(.connections, PresenceRecords.field(key))
    case .departing(let group, let profile, let afterDrain):
      set(
        .departing, PresenceRecords.field(group, profile.user.id),
        PresenceRecords.departing(profile, afterDrain: afterDrain))
    case .returned(let group, let userID):
      unset(.departing, PresenceRecords.field(group, userID))
    case .owed(let group, let debt):
      set(
        .debts, PresenceRecords.field(group, debt.userID), debt.kind.rawValue)
    case .settled(let group, let debt):
      unset(.debts, PresenceRecords.field(group, debt.userID))
    case .counting(let group, true):
      write("s", .counting, group.rawValue)
    case .counting(let group, false):
      write("r", .counting, group.rawValue)
    case .listed(let group, let profile, let connections):
      set(
        .members(group), profile.user.id,
        PresenceRecords.member(profile, connections: connections))
    case .unlisted(let group, let userID):
      unset(.members(group), userID)
      write("y", .seen(group), userID)
    case .seen(let group, let userID, let time):
      raise(.seen(group), userID, to: time)
    case .announced(let diff):
      let record = RedisCommand.Argument.bytes(
        EphemeralRecord.encode(group: diff.group, event: diff.event))
      if case .joined(let profile, _) = diff.kind {
        write("j", .shown, PresenceRecords.field(diff.group, profile.user.id))
      } else {
        arguments.append("p")
      }
      arguments.append(record)
    case .opened, .closed, .parting, .reopened, .status, .noticed, .delivered, .arrived, .gone,
      .userSeen, .forgotSeen:
      addHome(change)
    case .advanced(let gateway, let sequence, let isDraining):
      set(
        .sequences, gateway,
        PresenceRecords.progress(sequence, isDraining: isDraining))
    case .forgotten(let gateway):
      unset(.gateways, gateway)
      unset(.sequences, gateway)
    case .requestedSnapshot(let gateway):
      unset(.gateways, gateway)
    }
  }

  private mutating func addHome(_ change: PresenceChange) {
    switch change {
    case .opened(let key, let entry, let homePlace):
      let field = PresenceRecords.field(key)
      set(.sessions, field, PresenceRecords.value(entry))
      set(.user(entry.user.key), field, PresenceRecords.value(homePlace))
    case .closed(let key, let user):
      let field = PresenceRecords.field(key)
      unset(.sessions, field)
      unset(.user(user), field)
    case .parting(let user, let start, let afterDrain):
      set(
        .parting, user.key.text,
        PresenceRecords.parting(user, sessionStart: start, afterDrain: afterDrain))
    case .reopened(let user):
      unset(.parting, user.text)
    case .status(let user, let status?):
      set(.statuses, user.text, PresenceRecords.value(status))
    case .status(let user, nil):
      unset(.statuses, user.text)
    case .noticed(let notice):
      set(
        .notices, PresenceRecords.field(notice.key.group, notice.key.user.text),
        PresenceRecords.value(notice))
    case .delivered(let key):
      unset(.notices, PresenceRecords.field(key.group, key.user.text))
    case .arrived(let user, let start):
      set(.user(user), "", "\(start)")
    case .gone(let user):
      arguments.append("d")
      arguments.append(.number(place(.user(user))))
    case .userSeen(let user, let time):
      raise(.lastSeen, user.text, to: time)
    case .forgotSeen(let time):
      write("c", .lastSeen, "(\(time)")
    default:
      break
    }
  }

  // MARK: Arguments, appended one by one: these are most of what a busy aggregator writes

  private mutating func set(_ target: Target, _ field: String, _ value: String) {
    write("h", target, field)
    arguments.append(.text(value))
  }

  private mutating func unset(_ target: Target, _ field: String) {
    write("x", target, field)
  }

  private mutating func raise(_ target: Target, _ member: String, to score: Int64) {
    arguments.append("z")
    arguments.append(.number(place(target)))
    arguments.append(.number(score))
    arguments.append(.text(member))
  }

  private mutating func write(_ kind: RedisCommand.Argument, _ target: Target, _ word: String) {
    arguments.append(kind)
    arguments.append(.number(place(target)))
    arguments.append(.text(word))
  }

  private mutating func place(_ target: Target) -> Int64 {
    if let place = places[target] { return place }
    keys.append(key(target))
    let place = Int64(keys.count)
    places[target] = place
    return place
  }

  private func key(_ target: Target) -> String {
    switch target {
    case .connections: keyspace.connections(shard)
    case .departing: keyspace.departing(shard)
    case .debts: keyspace.debts(shard)
    case .counting: keyspace.counting(shard)
    case .sessions: keyspace.sessions(shard)
    case .parting: keyspace.parting(shard)
    case .statuses: keyspace.statuses(shard)
    case .notices: keyspace.notices(shard)
    case .lastSeen: keyspace.lastSeen(shard)
    case .gateways: keyspace.gateways(shard)
    case .sequences: keyspace.sequences(shard)
    case .shown: keyspace.shown(shard)
    case .members(let group): keyspace.members(group)
    case .seen(let group): keyspace.seen(group)
    case .user(let user): keyspace.user(user)
    }
  }
}

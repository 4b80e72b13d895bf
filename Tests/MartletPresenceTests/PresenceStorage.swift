import MartletCore

@testable import MartletPresence

/// What a Redis would hold of one shard: steps in, a persisted state out.
struct PresenceStorage {
  private struct Person: Hashable {
    var group: GroupName
    var userID: String
  }

  private struct Departing {
    var profile: MemberProfile
    var afterDrain: Bool
  }

  private struct Parting {
    var user: HomeUser
    var sessionStart: Int64
    var afterDrain: Bool
  }

  private var connections: [MembershipKey: RosterEntry] = [:]
  private var departing: [Person: Departing] = [:]
  private(set) var counting: Set<GroupName> = []
  private(set) var debts: [GroupName: Set<DiffDebt>] = [:]
  private var sessions: [MembershipKey: HomeEntry] = [:]
  private var parting: [UserKey: Parting] = [:]
  private(set) var statuses: [UserKey: HomeStatus] = [:]
  private var notices: [StatusNotice.Key: StatusNotice] = [:]
  private var progress: [String: (sequence: UInt64, isDraining: Bool)] = [:]

  /// What gateways read.
  private(set) var members: [GroupName: [String: (profile: MemberProfile, connections: Int)]] = [:]
  private(set) var seen: [GroupName: [String: Int64]] = [:]
  private(set) var users: [UserKey: (start: Int64, places: [MembershipKey: HomePlace])] = [:]
  private(set) var lastSeen: [UserKey: Int64] = [:]
  private(set) var shown: [GroupName: [String: UserStatus]] = [:]

  /// Gateways that must report everything.
  var requests: Set<String> = []
  /// What groups were told, in order, with the list that a member would get who asks then.
  var announced: [(diff: PresenceDiff, list: [String: GroupViewer.Member])] = []

  // MARK: Commits

  mutating func apply(_ steps: some Sequence<PresenceStep>) {
    for change in steps.joined() { apply(change) }
  }

  private mutating func apply(_ change: PresenceChange) {
    switch change {
    case .connected(let key, let entry): connections[key] = entry
    case .disconnected(let key): connections[key] = nil
    case .departing(let group, let profile, let afterDrain):
      departing[Person(group: group, userID: profile.user.id)] = Departing(
        profile: profile, afterDrain: afterDrain)
    case .returned(let group, let userID): departing[Person(group: group, userID: userID)] = nil
    case .owed(let group, let debt):
      // As in a hash, one of each user.
      debts[group] = debts[group, default: []].filter { $0.userID != debt.userID }.union([debt])
    case .settled(let group, let debt):
      debts[group] = debts[group, default: []].filter { $0.userID != debt.userID }
    case .counting(let group, true): counting.insert(group)
    case .counting(let group, false): counting.remove(group)
    case .listed(let group, let profile, let connections):
      members[group, default: [:]][profile.user.id] = (profile, connections)
    case .unlisted(let group, let userID):
      members[group]?[userID] = nil
      seen[group]?[userID] = nil
    case .seen(let group, let userID, let time):
      seen[group, default: [:]][userID] = max(time, seen[group]?[userID] ?? 0)
    case .advanced(let gateway, let sequence, let isDraining):
      progress[gateway] = (sequence, isDraining)
    case .forgotten(let gateway):
      progress[gateway] = nil
      requests.insert(gateway)
    case .requestedSnapshot(let gateway): requests.insert(gateway)
    case .announced(let diff): announce(diff)
    default: applyHome(change)
    }
  }

  private mutating func applyHome(_ change: PresenceChange) {
    switch change {
    case .opened(let key, let entry, let place):
      sessions[key] = entry
      users[entry.user.key]?.places[key] = place
    case .closed(let key, let user):
      sessions[key] = nil
      users[user]?.places[key] = nil
    case .parting(let user, let start, let afterDrain):
      parting[user.key] = Parting(user: user, sessionStart: start, afterDrain: afterDrain)
    case .reopened(let user): parting[user] = nil
    case .status(let user, let status): statuses[user] = status
    case .noticed(let notice): notices[notice.key] = notice
    case .delivered(let key): notices[key] = nil
    case .arrived(let user, let start): users[user] = (start, users[user]?.places ?? [:])
    case .gone(let user): users[user] = nil
    case .userSeen(let user, let time): lastSeen[user] = max(time, lastSeen[user] ?? 0)
    case .forgotSeen(let time): lastSeen = lastSeen.filter { $0.value >= time }
    default: break
    }
  }

  private mutating func announce(_ diff: PresenceDiff) {
    announced.append((diff, list(of: diff.group)))
    if case .joined(let profile, _) = diff.kind, let status = shown[diff.group]?[profile.user.id] {
      announced.append(
        (PresenceDiff(group: diff.group, kind: .status(profile.user, status)), [:]))
    }
  }

  /// What the script of a notice does.
  mutating func deliver(_ notice: StatusNotice) {
    let (group, id) = (notice.key.group, notice.user.id)
    shown[group, default: [:]][id] = notice.status == .available ? nil : notice.status
    guard let status = notice.status, !counting.contains(group), members[group]?[id] != nil,
      debts[group]?.contains(DiffDebt(kind: .joined, userID: id)) != true
    else { return }
    announced.append((PresenceDiff(group: group, kind: .status(notice.user, status)), [:]))
  }

  // MARK: Loading

  /// Each of those who are there twice, since a hash that is being resized may be read so.
  var persisted: [PresenceState.Persisted] {
    var members: [PresenceState.Persisted] = connections.map { .connection($0, $1) }
    members += departing.map {
      .departing($0.group, $1.profile, afterDrain: $1.afterDrain)
    }
    members += sessions.map { .session($0, $1) }
    members += parting.values.map {
      .parting($0.user, sessionStart: $0.sessionStart, afterDrain: $0.afterDrain)
    }
    members += progress.map { .gateway($0, sequence: $1.sequence, isDraining: $1.isDraining) }
    members += counting.map { .counting($0) }
    var remarks: [PresenceState.Persisted] = statuses.map { .status($0, $1) }
    for (group, debts) in debts { remarks += debts.map { .debt(group, $0) } }
    return members + members.reversed() + remarks + pendingNotices.map { .notice($0) }
  }

  /// Those that have not arrived.
  var pendingNotices: [StatusNotice] { Array(notices.values) }
}

extension PresenceState {
  /// Goes on where another state ended.
  init(
    _ persisted: [Persisted], shard: Int, of map: ShardMap, rules: PresenceRules, now: Duration
  ) {
    self.init(shard: shard, of: map, rules: rules)
    for entry in persisted { restore(entry, now: now) }
  }
}

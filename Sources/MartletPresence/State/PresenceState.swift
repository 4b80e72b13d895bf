internal import MartletCore

/// Who is in the groups of one shard, and where the users are whose home it is.
///
/// A value without I/O or clock: reports, lost gateways and the passing of time go in, steps come out,
/// to be persisted and announced. Users count once however many connections they have; a user
/// without connections stays for the grace.
struct PresenceState: Sendable {
  private struct Gateway: Sendable {
    var sequence: UInt64 = 0
    var isDraining = false
    /// With the user's id.
    var memberships: PackedDictionary<Membership, String> = [:]
  }

  let map: ShardMap
  let shard: Int
  private(set) var rosters: GroupRosters
  private(set) var homes: UserHomes
  private var clock = PresenceClock()
  private var gateways: [String: Gateway] = [:]

  init(shard: Int, of map: ShardMap, rules: PresenceRules) {
    self.map = map
    self.shard = shard
    self.rosters = GroupRosters(rules: rules)
    self.homes = UserHomes(rules: rules)
  }

  var rules: PresenceRules { rosters.rules }

  // MARK: Questions

  /// Every gateway that has reported and neither said goodbye nor was removed.
  var knownGateways: some Collection<String> { gateways.keys }

  /// How long nothing will happen by itself; nil: for ever. Then call ``tick(_:)``, and in any
  /// case more often than every ``PresenceClock/maximumStep``.
  var rest: Duration? {
    let deadlines = [rosters.nextDeadline, homes.nextDeadline].compactMap(\.self)
    return deadlines.min().map { max($0 - clock.elapsed, .zero) }
  }

  /// Connections in groups, counted in each role of the shard.
  var membershipCount: Int { gateways.values.reduce(0) { $0 + $1.memberships.count } }

  // MARK: Inputs

  /// Takes a report. A repetition changes nothing; after a gap a snapshot is requested.
  mutating func apply(_ report: PresenceReport, _ moment: PresenceMoment) -> [PresenceStep] {
    clock.advance(to: moment.now)
    var steps: [PresenceStep] = []
    if report.sequence > gateways[report.gateway]?.sequence ?? 0 {
      take(report, moment, &steps)
    }
    // After the report is done with: what is owed does not depend on it any more.
    meetDeadlines(moment, &steps)
    return steps
  }

  private mutating func take(
    _ report: PresenceReport, _ moment: PresenceMoment, _ steps: inout [PresenceStep]
  ) {
    let gateway = storedName(report.gateway)
    switch report.body {
    case .operations(let operations):
      expectNext(report, &steps)
      for operation in operations { apply(operation, gateway: gateway, moment, &steps) }
    case .snapshot(let sessions):
      apply(snapshot: sessions, gateway: gateway, moment, &steps)
    case .drain:
      expectNext(report, &steps)
      gateways[gateway, default: Gateway()].isDraining = true
    case .goodbye:
      return remove(gateway, wallClock: moment.wallClock, &steps)
    }
    gateways[gateway, default: Gateway()].sequence = report.sequence
    steps.append([
      .advanced(
        gateway: gateway, sequence: report.sequence,
        isDraining: gateways[gateway]?.isDraining ?? false)
    ])
  }

  /// Reports may have been lost with a Redis that failed over, or this is a gateway that was removed and lives. What it
  /// says now holds; what it had said before is unknown.
  private func expectNext(_ report: PresenceReport, _ steps: inout [PresenceStep]) {
    guard report.sequence > (gateways[report.gateway]?.sequence ?? 0) + 1 else { return }
    steps.append([.requestedSnapshot(gateway: report.gateway)])
  }

  /// A user has chosen a status, on whichever gateway.
  mutating func choose(
    _ status: UserStatus, for user: HomeUser, _ moment: PresenceMoment
  ) -> [PresenceStep] {
    clock.advance(to: moment.now)
    guard isHome(of: user.key) else { return [] }
    var step: PresenceStep = []
    homes.choose(status, for: user, wallClock: moment.wallClock, at: clock.elapsed, &step)
    return step.isEmpty ? [] : [step]
  }

  /// A gateway is lost: the grace of its users begins, unless they are elsewhere too.
  ///
  /// - Parameter moment: its wall clock is when the gateway was heard of last.
  mutating func removeGateway(_ gateway: String, _ moment: PresenceMoment) -> [PresenceStep] {
    clock.advance(to: moment.now)
    var steps: [PresenceStep] = []
    remove(gateway, wallClock: moment.wallClock, &steps)
    meetDeadlines(moment, &steps)
    return steps
  }

  /// Time passes; see ``rest``.
  mutating func tick(_ moment: PresenceMoment) -> [PresenceStep] {
    clock.advance(to: moment.now)
    var steps: [PresenceStep] = []
    meetDeadlines(moment, &steps)
    return steps
  }

  /// At most `limit` notices to groups that are due. They may be sent once the steps that came before are committed; each
  /// is answered by ``answered(_:isDelivered:)``.
  mutating func notices(limit: Int = .max) -> [StatusNotice] {
    homes.notices(limit: limit, at: clock.elapsed)
  }

  mutating func answered(_ notice: StatusNotice, isDelivered: Bool) -> [PresenceStep] {
    var steps: [PresenceStep] = []
    homes.answered(notice, isDelivered: isDelivered, at: clock.elapsed, &steps)
    return steps
  }

  // MARK: Steps

  private mutating func meetDeadlines(_ moment: PresenceMoment, _ steps: inout [PresenceStep]) {
    homes.tick(at: clock.elapsed, wallClock: moment.wallClock, &steps)
    rosters.tick(at: clock.elapsed, &steps)
  }

  private mutating func apply(
    _ operation: PresenceReport.Operation, gateway: String, _ moment: PresenceMoment,
    _ steps: inout [PresenceStep]
  ) {
    var step: PresenceStep = []
    switch operation {
    case .join(let session):
      join(session, gateway: gateway, wallClock: moment.wallClock, isNews: true, &steps)
    case .leave(let membership):
      leave(membership, gateway: gateway, wallClock: moment.wallClock, &steps)
    case .seen(let membership, let age):
      guard let userID = gateways[gateway]?.memberships[membership] else { return }
      let time = moment.wallClock - age
      if keepsRoster(of: membership.group) {
        step.append(.seen(membership.group, userID: userID, time))
      }
      if let home = membership.home(ofUser: userID), isHome(of: home) {
        homes.seen(home, age: .milliseconds(age), wallClock: time, at: clock.elapsed, &step)
      }
    }
    if !step.isEmpty { steps.append(step) }
  }

  private mutating func apply(
    snapshot sessions: [PresenceSession], gateway: String, _ moment: PresenceMoment,
    _ steps: inout [PresenceStep]
  ) {
    var gone = Set((gateways[gateway]?.memberships ?? [:]).keys)
    // Joins come first, so that nobody's grace begins who only changed connections.
    for session in sessions {
      gone.remove(Membership(session))
      join(session, gateway: gateway, wallClock: moment.wallClock, isNews: false, &steps)
    }
    for membership in gone {
      leave(membership, gateway: gateway, wallClock: moment.wallClock, &steps)
    }
  }

  private mutating func join(
    _ session: PresenceSession, gateway: String, wallClock: Int64, isNews: Bool,
    _ steps: inout [PresenceStep]
  ) {
    let membership = Membership(session)
    let former = gateways[gateway]?.memberships[membership]
    if let former, former != session.user.id {
      // Connection ids are not reused for another user; if one is, the later report holds.
      leave(membership, gateway: gateway, wallClock: wallClock, &steps)
      return join(session, gateway: gateway, wallClock: wallClock, isNews: isNews, &steps)
    }
    var step: PresenceStep = []
    if keepsRoster(of: session.group) {
      rosters.join(
        session, gateway: gateway, isNew: former == nil, wallClock: wallClock, at: clock.elapsed,
        &step)
    }
    let home = session.home
    if let home, isHome(of: home.key) {
      homes.join(
        session, home, gateway: gateway, wallClock: wallClock, at: clock.elapsed,
        isActivity: isNews || former == nil, &step)
    }
    if former == nil { hold(membership, of: session.user, gateway: gateway) }
    if !step.isEmpty { steps.append(step) }
  }

  /// An unknown membership is a repetition.
  private mutating func leave(
    _ membership: Membership, gateway: String, wallClock: Int64, _ steps: inout [PresenceStep]
  ) {
    guard let userID = gateways[gateway]?.memberships.removeValue(forKey: membership)
    else { return }
    let key = MembershipKey(gateway: gateway, membership: membership)
    let afterDrain = gateways[gateway]?.isDraining ?? false
    var step: PresenceStep = []
    if keepsRoster(of: membership.group) {
      rosters.leave(
        key, userID: userID, wallClock: wallClock, at: clock.elapsed, afterDrain: afterDrain, &step)
    }
    if let home = membership.home(ofUser: userID), isHome(of: home) {
      homes.leave(
        key, home, wallClock: wallClock, at: clock.elapsed, afterDrain: afterDrain, &step)
    }
    steps.append(step)
  }

  private mutating func remove(
    _ gateway: String, wallClock: Int64, _ steps: inout [PresenceStep]
  ) {
    for membership in (gateways[gateway]?.memberships ?? [:]).keys {
      leave(membership, gateway: gateway, wallClock: wallClock, &steps)
    }
    gateways[gateway] = nil
    steps.append([.forgotten(gateway: gateway)])
  }

  private mutating func hold(_ membership: Membership, of user: User, gateway: String) {
    var membership = membership
    if let group = rosters.groups.storedKey(membership.group) { membership.group = group }
    gateways[gateway, default: Gateway()].memberships[membership] = user.id
  }

  /// The name that everything of the gateway shares: each copy of a text of its length takes as much as an entry.
  private func storedName(_ gateway: String) -> String {
    gateways.index(forKey: gateway).map { gateways[$0].key } ?? gateway
  }

  private func keepsRoster(of group: GroupName) -> Bool { map.shard(of: group) == shard }

  private func isHome(of user: UserKey) -> Bool { map.home(of: user) == shard }
}

// MARK: Loading

extension PresenceState {
  /// Something that was persisted of a shard.
  enum Persisted: Equatable, Sendable {
    // Who is there.
    case connection(MembershipKey, RosterEntry)
    case departing(GroupName, MemberProfile, afterDrain: Bool)
    case session(MembershipKey, HomeEntry)
    case parting(HomeUser, sessionStart: Int64, afterDrain: Bool)
    case gateway(String, sequence: UInt64, isDraining: Bool)
    case counting(GroupName)
    // What speaks of those.
    case debt(GroupName, DiffDebt)
    case status(UserKey, HomeStatus)
    case notice(StatusNotice)
  }

  /// Goes on where another state ended, whose remains come one by one: first who is there, then what speaks of those. A repetition
  /// changes nothing.
  ///
  /// Graces begin anew: how much of one had passed is not persisted, since clocks of two machines cannot be compared.
  mutating func restore(_ persisted: Persisted, now: Duration) {
    clock.advance(to: now)
    let time = clock.elapsed
    switch persisted {
    case .connection(var key, let entry):
      key.gateway = storedName(key.gateway)
      rosters.restore(key, entry)
      hold(key.membership, of: entry.user, gateway: key.gateway)
    case .departing(let group, let profile, let afterDrain):
      rosters.restoreDeparting(profile, in: group, afterDrain: afterDrain, at: time)
    case .session(var key, let entry):
      key.gateway = storedName(key.gateway)
      homes.restore(key, entry, at: time)
      hold(key.membership, of: entry.user.user, gateway: key.gateway)
    case .parting(let user, let sessionStart, let afterDrain):
      homes.restoreParting(user, sessionStart: sessionStart, afterDrain: afterDrain, at: time)
    case .gateway(let name, let sequence, let isDraining):
      gateways[name, default: Gateway()].sequence = sequence
      gateways[name]?.isDraining = isDraining
    case .counting(let group):
      rosters.restoreCounting(group)
    case .debt(let group, let debt):
      rosters.restore(debt, of: group, at: time)
    case .status(let user, let status):
      homes.restore(user, status)
    case .notice(let notice):
      homes.restore(notice, at: time)
    }
  }

  /// Takes the users of `previous`, whose persisted form was lost, as about to leave: they were announced,
  /// so that their return must not be, and their absence must.
  ///
  /// - Parameter allowance: for their gateways to report them, in addition to the grace.
  mutating func adopt(
    _ previous: PresenceState, allowance: Duration, now: Duration
  ) -> [PresenceStep] {
    clock.advance(to: now)
    var steps: [PresenceStep] = []
    rosters.adopt(previous.rosters, allowance: allowance, at: clock.elapsed, &steps)
    homes.adopt(previous.homes, allowance: allowance, at: clock.elapsed, &steps)
    return steps
  }
}

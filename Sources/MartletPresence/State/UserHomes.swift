internal import MartletCore

/// The users whose home one shard is. A value; time, in that of a ``PresenceClock``, is an argument.
struct UserHomes: Sendable {
  private struct Place: Sendable {
    var key: MembershipKey
    /// Milliseconds since 1970.
    var joined: Int64
  }

  /// The grace of somebody without connections. An object of its own, since hardly anybody is in one.
  private final class Leaving: Sendable {
    let end: Duration

    init(end: Duration) {
      self.end = end
    }
  }

  private struct Person: Sendable {
    var user: HomeUser
    /// Milliseconds since 1970.
    var sessionStart: Int64
    var places: [Place] = []
    /// Nil while there are connections.
    var leaving: Leaving?
    var lastActive: Duration
    /// Nothing was done for ``PresenceRules/awayAfter``.
    var isIdle = false
  }

  /// A notice that has not arrived yet.
  private struct Outgoing: Sendable {
    var notice: StatusNotice
    /// What the group's shard shows for certain, if it is to forget that.
    var known: UserStatus?
    var isUnderWay = false
    /// When it is to be sent, in time of the clock.
    var time: Duration?
  }

  let rules: PresenceRules
  private var people: PackedDictionary<UserKey, Person> = [:]
  /// Those that are not the default, and what is persisted of them.
  private var statuses: [UserKey: HomeStatus] = [:]
  private var outbox: [StatusNotice.Key: Outgoing] = [:]
  /// Also departures that were called off.
  private var departures = DeadlineQueue<UserKey>()
  /// When people may turn idle; one for each who is not, and for those who were active meanwhile.
  private var idling = DeadlineQueue<UserKey>()
  private var sendings = DeadlineQueue<StatusNotice.Key>()
  private var nextForgetting = Duration.zero

  /// Between two looks for what is older than ``PresenceRules/remember``.
  private static let forgettingInterval = Duration.seconds(600)

  init(rules: PresenceRules) {
    self.rules = rules
  }

  /// How many users are here.
  var count: Int { people.count }

  /// The next time at which ``tick(at:wallClock:_:)`` or ``notices(limit:at:)`` may have something to do.
  var nextDeadline: Duration? {
    [departures.next, idling.next, sendings.next, nextForgetting].compactMap(\.self).min()
  }

  // MARK: Inputs

  /// A connection joins a group, or has another meta.
  ///
  /// - Parameter isActivity: whether that happens now; otherwise it is only told again.
  mutating func join(
    _ session: PresenceSession, _ user: HomeUser, gateway: String, wallClock: Int64,
    at time: Duration, isActivity: Bool, _ step: inout PresenceStep
  ) {
    let key = user.key
    let membership = MembershipKey(gateway: gateway, membership: Membership(session))
    let isArriving = people[key] == nil
    if isArriving {
      people[key] = Person(user: user, sessionStart: wallClock, lastActive: time)
      step.append(.arrived(key, sessionStart: wallClock))
      idling.insert(key, at: time + rules.awayAfter)
    }
    people[key]?.user = user
    let former = people[key]?.places.last { $0.key == membership }
    let joined = former?.joined ?? wallClock
    if former == nil { people[key]?.places.append(Place(key: membership, joined: joined)) }
    guard let person = people[key] else { return }
    step.append(
      .opened(
        membership, HomeEntry(user: user, sessionStart: person.sessionStart, joined: joined),
        place: HomePlace(session: session, joined: joined)))
    if person.leaving != nil {
      people[key]?.leaving = nil
      step.append(.reopened(key))
    }
    if isActivity {
      step.append(.userSeen(key, wallClock))
      // A reconnect is no activity of the user; another device is.
      if person.leaving == nil { active(key, at: time, now: time, &step) }
    }
    if former == nil { introduce(key, to: session.group, at: time, &step) }
  }

  /// Lets the shard of a group know the status of a user who has joined it.
  private mutating func introduce(
    _ key: UserKey, to group: GroupName, at time: Duration, _ step: inout PresenceStep
  ) {
    guard let person = people[key] else { return }
    let status = statuses[key]
    let shown = status?.shown ?? .available
    let notice = StatusNotice.Key(group: group, user: key)
    if let status, status.offlineSince != nil {
      show(status.chosen, for: person.user, isIdle: false, offlineSince: nil, at: time, &step)
      notify(group, of: statuses[key]?.shown, user: person.user, at: time, &step)
    } else if let outgoing = outbox[notice], outgoing.notice.status == nil {
      // Back before the shard has forgotten the user.
      if outgoing.known == shown, !outgoing.isUnderWay {
        outbox[notice] = nil
        step.append(.delivered(notice))
      } else {
        notify(group, of: shown, user: person.user, at: time, &step)
      }
    } else if status != nil {
      notify(group, of: shown, user: person.user, at: time, &step)
    }
  }

  /// A connection leaves a group; it must be one that has joined.
  mutating func leave(
    _ key: MembershipKey, _ user: UserKey, wallClock: Int64, at time: Duration, afterDrain: Bool,
    _ step: inout PresenceStep
  ) {
    step.append(.closed(key, user))
    guard let index = people[user]?.places.firstIndex(where: { $0.key == key }) else { return }
    people[user]?.places.remove(at: index)
    step.append(.userSeen(user, wallClock))
    guard let person = people[user] else { return }
    let group = key.membership.group
    if statuses[user] != nil, !person.places.contains(where: { $0.key.membership.group == group }) {
      // Not at once: the group does not know of the leave yet either.
      notify(
        group, of: nil, user: person.user, at: time + delay(afterDrain), &step)
    }
    guard person.places.isEmpty else { return }
    depart(user, afterDrain: afterDrain, at: time)
    step.append(
      .parting(person.user, sessionStart: person.sessionStart, afterDrain: afterDrain))
  }

  /// - Parameter age: of the activity.
  mutating func seen(
    _ user: UserKey, age: Duration, wallClock: Int64, at time: Duration,
    _ step: inout PresenceStep
  ) {
    step.append(.userSeen(user, wallClock))
    active(user, at: max(time - age, .zero), now: time, &step)
  }

  mutating func choose(
    _ status: UserStatus, for user: HomeUser, wallClock: Int64, at time: Duration,
    _ step: inout PresenceStep
  ) {
    let key = user.key
    let isHere = people[key] != nil
    // The caller may know no more than the id.
    show(
      status, for: people[key]?.user ?? user, isIdle: people[key]?.isIdle ?? false,
      offlineSince: isHere ? nil : wallClock, at: time, &step)
  }

  mutating func tick(at time: Duration, wallClock: Int64, _ steps: inout [PresenceStep]) {
    while let next = departures.popDue(at: time) {
      let key = next.subject
      // Who came back meanwhile has no departure, or a later one.
      guard let person = people[key], person.leaving?.end == next.time else { continue }
      people[key] = nil
      var step: PresenceStep = [.reopened(key), .gone(key)]
      if let status = statuses[key] {
        show(
          status.chosen, for: person.user, isIdle: false, offlineSince: wallClock, at: time, &step)
      }
      steps.append(step)
    }
    while let next = idling.popDue(at: time) {
      expectActivity(of: next.subject, at: time, &steps)
    }
    if nextForgetting <= time { forget(wallClock: wallClock, at: time, &steps) }
  }

  private mutating func expectActivity(
    of key: UserKey, at time: Duration, _ steps: inout [PresenceStep]
  ) {
    guard let person = people[key], !person.isIdle else { return }
    let deadline = person.lastActive + rules.awayAfter
    guard deadline <= time else {
      idling.insert(key, at: deadline)
      return
    }
    people[key]?.isIdle = true
    var step: PresenceStep = []
    show(
      statuses[key]?.chosen ?? .available, for: person.user, isIdle: true, offlineSince: nil,
      at: time, &step)
    if !step.isEmpty { steps.append(step) }
  }

  private mutating func forget(
    wallClock: Int64, at time: Duration, _ steps: inout [PresenceStep]
  ) {
    nextForgetting = time + Self.forgettingInterval
    let limit = wallClock - rules.remember.components.seconds * 1_000
    for (key, status) in statuses {
      guard let since = status.offlineSince, since < limit else { continue }
      statuses[key] = nil
      steps.append([.status(key, nil)])
    }
    steps.append([.forgotSeen(before: limit)])
  }

  // MARK: Status

  /// - Parameter activity: when it was; not in the future.
  private mutating func active(
    _ key: UserKey, at activity: Duration, now: Duration, _ step: inout PresenceStep
  ) {
    guard let person = people[key], person.lastActive <= activity else { return }
    people[key]?.lastActive = activity
    guard person.isIdle, activity + rules.awayAfter > now else { return }
    people[key]?.isIdle = false
    idling.insert(key, at: activity + rules.awayAfter)
    show(
      statuses[key]?.chosen ?? .available, for: person.user, isIdle: false, offlineSince: nil,
      at: now, &step)
  }

  /// Sets what is chosen and what follows from it, and tells the groups where the user is if others see a difference.
  private mutating func show(
    _ chosen: UserStatus, for user: HomeUser, isIdle: Bool, offlineSince: Int64?,
    at time: Duration, _ step: inout PresenceStep
  ) {
    let key = user.key
    let former = statuses[key]
    var next: HomeStatus?
    if offlineSince != nil {
      if chosen != .available {
        next = HomeStatus(shown: .offline, chosen: chosen, offlineSince: offlineSince)
      }
    } else {
      let shown = chosen == .available && isIdle ? .away : chosen
      if shown != .available || chosen != .available {
        next = HomeStatus(shown: shown, chosen: chosen, offlineSince: nil)
      }
    }
    guard next != former else { return }
    statuses[key] = next
    step.append(.status(key, next))
    guard offlineSince == nil, former?.shown ?? .available != next?.shown ?? .available else {
      return
    }
    for group in Set((people[key]?.places ?? []).map(\.key.membership.group)) {
      notify(group, of: next?.shown ?? .available, user: user, at: time, &step)
    }
  }

  // MARK: Notices

  private mutating func notify(
    _ group: GroupName, of status: UserStatus?, user: HomeUser, at time: Duration,
    _ step: inout PresenceStep
  ) {
    let key = StatusNotice.Key(group: group, user: user.key)
    let notice = StatusNotice(key: key, user: user.user, status: status)
    let known = status == nil && outbox[key] == nil ? statuses[user.key]?.shown : nil
    outbox[key, default: Outgoing(notice: notice)].notice = notice
    outbox[key]?.known = known
    step.append(.noticed(notice))
    schedule(key, at: time)
  }

  private mutating func schedule(_ key: StatusNotice.Key, at time: Duration) {
    outbox[key]?.time = time
    sendings.insert(key, at: time)
  }

  /// At most `limit` of the notices that are due; each must come back by ``answered(_:isDelivered:at:_:)``.
  mutating func notices(limit: Int, at time: Duration) -> [StatusNotice] {
    var due: [StatusNotice] = []
    while due.count < limit, let next = sendings.popDue(at: time) {
      // What was replaced meanwhile has another time.
      guard let outgoing = outbox[next.subject], outgoing.time == next.time, !outgoing.isUnderWay
      else { continue }
      outbox[next.subject]?.time = nil
      // Even if it fails it may have arrived.
      outbox[next.subject]?.known = nil
      outbox[next.subject]?.isUnderWay = true
      due.append(outgoing.notice)
    }
    return due
  }

  /// - Parameter isDelivered: false if the group's shard could not be reached: it is tried again.
  mutating func answered(
    _ notice: StatusNotice, isDelivered: Bool, at time: Duration, _ steps: inout [PresenceStep]
  ) {
    let key = notice.key
    guard let outgoing = outbox[key] else { return }
    outbox[key]?.isUnderWay = false
    if isDelivered, outgoing.notice == notice, outgoing.time == nil {
      outbox[key] = nil
      steps.append([.delivered(key)])
    } else {
      schedule(key, at: max(outgoing.time ?? time, isDelivered ? time : time + rules.batch))
    }
  }

  private func delay(_ afterDrain: Bool) -> Duration {
    afterDrain ? max(rules.drainGrace, rules.grace) : rules.grace
  }

  private mutating func depart(_ key: UserKey, afterDrain: Bool, at time: Duration) {
    let end = time + delay(afterDrain)
    people[key]?.leaving = Leaving(end: end)
    departures.insert(key, at: end)
  }
}

// MARK: Questions

extension UserHomes {
  func status(of key: UserKey) -> UserStatus {
    if let shown = statuses[key]?.shown { return shown }
    return people[key] == nil ? .offline : .available
  }

  func sessionStart(of key: UserKey) -> Int64? { people[key]?.sessionStart }
}

// MARK: Loading

extension UserHomes {
  mutating func restore(_ key: MembershipKey, _ entry: HomeEntry, at time: Duration) {
    let user = entry.user.key
    add(entry.user, sessionStart: entry.sessionStart, at: time)
    guard people[user]?.places.contains(where: { $0.key == key }) == false else { return }
    people[user]?.places.append(Place(key: key, joined: entry.joined))
  }

  mutating func restoreParting(
    _ user: HomeUser, sessionStart: Int64, afterDrain: Bool, at time: Duration
  ) {
    add(user, sessionStart: sessionStart, at: time)
    depart(user.key, afterDrain: afterDrain, at: time)
  }

  /// How long somebody has done nothing is not persisted: who was not away has a whole time to be active.
  private mutating func add(_ user: HomeUser, sessionStart: Int64, at time: Duration) {
    guard people[user.key] == nil else { return }
    people[user.key] = Person(user: user, sessionStart: sessionStart, lastActive: time)
    idling.insert(user.key, at: time + rules.awayAfter)
  }

  /// After those who are here.
  mutating func restore(_ key: UserKey, _ status: HomeStatus) {
    statuses[key] = status
    if status.chosen == .available, status.shown == .away { people[key]?.isIdle = true }
  }

  mutating func restore(_ notice: StatusNotice, at time: Duration) {
    outbox[notice.key] = Outgoing(notice: notice)
    schedule(notice.key, at: notice.status == nil ? time + rules.grace : time)
  }

  /// Takes the users of `previous` as about to leave, since what was persisted of them is lost, and their statuses.
  mutating func adopt(
    _ previous: UserHomes, allowance: Duration, at time: Duration, _ steps: inout [PresenceStep]
  ) {
    for (key, former) in previous.people where people[key] == nil {
      add(former.user, sessionStart: former.sessionStart, at: time)
      let end = time + rules.grace + allowance
      people[key]?.leaving = Leaving(end: end)
      departures.insert(key, at: end)
      steps.append([
        .arrived(key, sessionStart: former.sessionStart),
        .parting(former.user, sessionStart: former.sessionStart, afterDrain: true),
      ])
    }
    for (key, status) in previous.statuses where statuses[key] == nil {
      restore(key, status)
      steps.append([.status(key, status)])
    }
  }
}

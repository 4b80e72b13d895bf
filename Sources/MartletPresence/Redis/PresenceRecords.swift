internal import MartletCore
internal import NIOCore

/// How the fields and values of presence's hashes are written (see ``PresenceKeys``): words between tabs.
/// What may contain a tab itself, an id, comes last.
enum PresenceRecords {
  // MARK: Fields

  /// `GATEWAY CONNECTION GROUP`
  static func field(_ key: MembershipKey) -> String {
    "\(key.gateway)\t\(key.membership.connectionID)\t\(key.membership.group)"
  }

  static func membership(_ field: String) -> MembershipKey? {
    let words = field.split(separator: "\t")
    guard words.count == 3 else { return nil }
    return MembershipKey(
      gateway: String(words[0]),
      membership: Membership(
        group: GroupName(trusted: String(words[2])), connectionID: String(words[1])))
  }

  /// `GROUP ID`; the id is that of a user, or the key of one.
  static func field(_ group: GroupName, _ id: String) -> String { "\(group)\t\(id)" }

  static func groupAndID(_ field: String) -> (group: GroupName, id: String)? {
    let words = field.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
    guard words.count == 2 else { return nil }
    return (GroupName(trusted: String(words[0])), String(words[1]))
  }

  // MARK: Values

  /// `SINCE JOINED USER META`
  static func value(_ entry: RosterEntry) -> String {
    "\(entry.since)\t\(entry.joined)\t\(entry.user.json)\t\(entry.meta)"
  }

  static func rosterEntry(_ value: String) -> RosterEntry? {
    guard let words = words(value, count: 4), let since = Int64(words[0]),
      let joined = Int64(words[1]), let user = user(words[2])
    else { return nil }
    return RosterEntry(user: user, since: since, joined: joined, meta: String(words[3]))
  }

  /// `SINCE DRAIN USER META …`
  static func departing(_ profile: MemberProfile, afterDrain: Bool) -> String {
    let words = ["\(profile.joinedAt)", afterDrain ? "1" : "0", profile.user.json] + profile.metas
    return words.joined(separator: "\t")
  }

  static func departing(_ value: String) -> (profile: MemberProfile, afterDrain: Bool)? {
    let words = value.split(separator: "\t", omittingEmptySubsequences: false)
    guard words.count >= 3, let since = Int64(words[0]), let user = user(words[2])
    else { return nil }
    let metas = words.dropFirst(3).map(String.init)
    return (MemberProfile(user: user, joinedAt: since, metas: metas), words[1] == "1")
  }

  /// `START JOINED TENANT USER`
  static func value(_ entry: HomeEntry) -> String {
    "\(entry.sessionStart)\t\(entry.joined)\t\(entry.user.tenant?.rawValue ?? "")\t\(entry.user.user.json)"
  }

  static func homeEntry(_ value: String) -> HomeEntry? {
    guard let words = words(value, count: 4), let start = Int64(words[0]),
      let joined = Int64(words[1]), let user = user(words[3])
    else { return nil }
    return HomeEntry(user: home(user, words[2]), sessionStart: start, joined: joined)
  }

  /// `JOINED PLACE`
  static func value(_ place: HomePlace) -> String { "\(place.joined)\t\(place.json)" }

  static func place(_ value: String) -> (joined: Int64, json: String)? {
    guard let words = words(value, count: 2), let joined = Int64(words[0]) else { return nil }
    return (joined, String(words[1]))
  }

  /// `START DRAIN TENANT USER`
  static func parting(_ user: HomeUser, sessionStart: Int64, afterDrain: Bool) -> String {
    "\(sessionStart)\t\(afterDrain ? 1 : 0)\t\(user.tenant?.rawValue ?? "")\t\(user.user.json)"
  }

  static func parting(_ value: String) -> (user: HomeUser, sessionStart: Int64, afterDrain: Bool)? {
    guard let words = words(value, count: 4), let start = Int64(words[0]), let user = user(words[3])
    else { return nil }
    return (home(user, words[2]), start, words[1] == "1")
  }

  /// `SHOWN CHOSEN SINCE`; the last is empty while the user is here.
  static func value(_ status: HomeStatus) -> String {
    "\(status.shown.rawValue)\t\(status.chosen.rawValue)\t\(status.offlineSince.map(String.init) ?? "")"
  }

  static func status(_ value: String) -> HomeStatus? {
    guard let words = words(value, count: 3), let shown = UserStatus(rawValue: String(words[0])),
      let chosen = UserStatus(rawValue: String(words[1]))
    else { return nil }
    return HomeStatus(shown: shown, chosen: chosen, offlineSince: Int64(words[2]))
  }

  /// `STATUS USER`; the status is empty where it is to be forgotten.
  static func value(_ notice: StatusNotice) -> String {
    "\(notice.status?.rawValue ?? "")\t\(notice.user.json)"
  }

  static func notice(_ value: String, key: StatusNotice.Key) -> StatusNotice? {
    guard let words = words(value, count: 2), let user = user(words[1]) else { return nil }
    return StatusNotice(key: key, user: user, status: UserStatus(rawValue: String(words[0])))
  }

  /// `STATUS RECORD`
  static func shown(_ status: UserStatus, record: ByteBuffer) -> ByteBuffer {
    var value = ByteBuffer(string: "\(status.rawValue)\t")
    value.writeImmutableBuffer(record)
    return value
  }

  static func shown(_ value: String) -> UserStatus? {
    UserStatus(rawValue: String(value.prefix { $0 != "\t" }))
  }

  /// `SEQUENCE DRAIN`
  static func progress(_ sequence: UInt64, isDraining: Bool) -> String {
    "\(sequence)\t\(isDraining ? 1 : 0)"
  }

  static func progress(_ value: String) -> (sequence: UInt64, isDraining: Bool)? {
    guard let words = words(value, count: 2), let sequence = UInt64(words[0]) else { return nil }
    return (sequence, words[1] == "1")
  }

  /// `CONNECTIONS PROFILE`
  static func member(_ profile: MemberProfile, connections: Int) -> String {
    "\(connections)\t\(profile.json)"
  }

  static func member(_ value: String) -> (profile: String, connections: Int)? {
    guard let words = words(value, count: 2), let connections = Int(words[0]) else { return nil }
    return (String(words[1]), connections)
  }

  // MARK: Words

  private static func words(_ value: String, count: Int) -> [Substring]? {
    let words = value.split(separator: "\t", maxSplits: count - 1, omittingEmptySubsequences: false)
    return words.count == count ? words : nil
  }

  private static func user(_ word: Substring) -> User? {
    PresenceText.user(ByteBuffer(substring: word))
  }

  private static func home(_ user: User, _ tenant: Substring) -> HomeUser {
    HomeUser(user: user, tenant: tenant.isEmpty ? nil : TenantName(trusted: String(tenant)))
  }
}

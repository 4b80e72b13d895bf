import MartletCore

@testable import MartletPresence

/// Values that tests speak of.
enum Examples {
  static let group = GroupName(trusted: "room")
  static let ann = User(id: "ann", name: "Ann")
  static let bob = User(id: "bob", name: "Bob")
  /// With one shard every state keeps every roster and is everybody's home.
  static let map = ShardMap(count: 1)

  static func session(
    _ connectionID: String, _ user: User = ann, in group: GroupName = group, meta: String = "{}"
  ) -> PresenceSession {
    PresenceSession(group: group, connectionID: connectionID, user: user, meta: meta)
  }

  static func leave(_ connectionID: String) -> PresenceReport.Operation {
    .leave(Membership(group: group, connectionID: connectionID))
  }
}

extension PresenceReport {
  static func operations(
    _ gateway: String, _ sequence: UInt64, _ operations: Operation...
  ) -> PresenceReport {
    PresenceReport(gateway: gateway, sequence: sequence, body: .operations(operations))
  }

  static func snapshot(
    _ gateway: String, _ sequence: UInt64, _ sessions: PresenceSession...
  ) -> PresenceReport {
    PresenceReport(gateway: gateway, sequence: sequence, body: .snapshot(sessions))
  }
}

extension PresenceMoment {
  /// Both clocks at this many seconds.
  static func at(_ seconds: Double) -> PresenceMoment {
    PresenceMoment(now: .seconds(seconds), wallClock: Int64(seconds * 1_000))
  }
}

extension PresenceState {
  func people(of group: GroupName) -> [String: Roster.Person] {
    Dictionary(
      uniqueKeysWithValues: (rosters.groups[group]?.people ?? [:]).map { ($0, $1) })
  }

  /// The members of ``Examples/group``, those first who joined first, as `USER:CONNECTIONS`.
  var members: [String] {
    (rosters.groups[Examples.group]?.people ?? [:]).values
      .sorted { ($0.since, $0.user.id) < ($1.since, $1.user.id) }
      .map { "\($0.user.id):\($0.connections.count)" }
  }
}

extension [PresenceStep] {
  /// `+USER`, `-USER`, `~USER` for another profile, and `#COUNT` where names are left out.
  var diffs: [String] {
    joined().compactMap { change in
      guard case .announced(let diff) = change else { return nil }
      return switch diff.kind {
      case .joined(let profile, _): "+" + profile.user.id
      case .left(let user, _): "-" + user.id
      case .updated(let profile): "~" + profile.user.id
      case .status(let user, let status): "\(user.id)=\(status.rawValue)"
      case .counted(let count, let isListed): (isListed ? "listed#" : "#") + "\(count)"
      }
    }
  }

  func contains(_ change: PresenceChange) -> Bool { joined().contains(change) }
}

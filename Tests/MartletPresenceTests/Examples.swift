import MartletCore

@testable import MartletPresence

/// Values that tests speak of.
enum Examples {
  static let group = GroupName(trusted: "room")
  static let ann = User(id: "ann", name: "Ann")
  static let bob = User(id: "bob", name: "Bob")

  static func session(
    _ connectionID: String, _ user: User = ann, in group: GroupName = group
  ) -> PresenceSession {
    PresenceSession(group: group, connectionID: connectionID, user: user)
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

extension [PresenceChange] {
  /// `+USER` and `-USER`.
  var diffs: [String] {
    compactMap(\.announcement).map { ($0.kind == .joined ? "+" : "-") + $0.user.id }
  }
}

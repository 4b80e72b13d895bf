import MartletCore

@testable import MartletPresence

/// What a Redis would hold: changes in, a loaded state out.
struct PresenceStorage {
  private var groups: [GroupName: [MemberField: MemberValue]] = [:]
  private var sequences: [String: UInt64] = [:]
  /// Gateways that must report everything.
  var requests: Set<String> = []

  mutating func apply(_ changes: some Sequence<PresenceChange>) {
    for change in changes {
      switch change {
      case .store(let group, let field, let value, _):
        groups[group, default: [:]][field] = value
      case .erase(let group, let field, _):
        groups[group]?[field] = nil
        if groups[group]?.isEmpty == true { groups[group] = nil }
      case .advance(let gateway, let sequence):
        sequences[gateway] = sequence
      case .forget(let gateway):
        sequences[gateway] = nil
        requests.insert(gateway)
      case .requestSnapshot(let gateway):
        requests.insert(gateway)
      }
    }
  }

  func load(grace: Duration, now: Duration) -> (state: PresenceState, changes: [PresenceChange]) {
    var state = PresenceState(grace: grace)
    for (group, fields) in groups {
      for (field, value) in fields { state.restore(group: group, field: field, value: value) }
    }
    for (gateway, sequence) in sequences { state.restore(gateway: gateway, sequence: sequence) }
    let changes = state.finishRestoring(now: now)
    return (state, changes)
  }
}

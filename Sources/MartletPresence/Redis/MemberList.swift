internal import MartletCore

/// A group's members as a gateway answers them: what is persisted, and what it knows itself.
enum MemberList {
  private struct Entry {
    var user: User
    var joined: Int64
    var connections = 0
  }

  /// - Parameters:
  ///   - persisted: the fields of the group.
  ///   - gateway: who asks; of its own connections it knows better than the aggregator, which lags.
  ///   - local: that gateway's sessions in the group.
  static func merge(
    _ persisted: [(field: MemberField, value: MemberValue)], gateway: String,
    local: [PresenceSession]
  ) -> [PresenceMember] {
    var entries: [String: Entry] = [:]
    for (field, value) in persisted {
      var entry = entries[value.user.id] ?? Entry(user: value.user, joined: value.joined)
      entry.joined = min(entry.joined, value.joined)
      if case .connection(let key) = field, key.gateway != gateway { entry.connections += 1 }
      entries[value.user.id] = entry
    }
    for session in local {
      // Those who are not persisted yet are the latest.
      var entry = entries[session.user.id] ?? Entry(user: session.user, joined: .max)
      entry.connections += 1
      entries[session.user.id] = entry
    }
    return entries.values
      .sorted { ($0.joined, $0.user.id) < ($1.joined, $1.user.id) }
      .map { PresenceMember(user: $0.user, connections: $0.connections) }
  }
}

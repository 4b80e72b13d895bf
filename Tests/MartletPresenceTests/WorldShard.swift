import MartletCore

@testable import MartletPresence

/// A shard of a ``PresenceWorld``: reports on their way, an aggregator, what is persisted, and what should be.
struct WorldShard {
  enum Entry {
    case report(PresenceReport)
    case choice(UserStatus, HomeUser)
  }

  var stream: [Entry] = []
  /// Reports that may arrive once more.
  var former: [PresenceReport] = []
  var storage = PresenceStorage()
  var state: PresenceState
  var model: NaivePresence
  /// Gateways that have died and are not found dead yet.
  var dead: [String] = []

  init(_ shard: Int, of map: ShardMap, rules: PresenceRules) {
    state = PresenceState(shard: shard, of: map, rules: rules)
    model = NaivePresence(map: map, shard: shard, rules: rules)
  }

  /// Lets the aggregator take an input.
  ///
  /// - Parameter percent: of the steps that are committed before it is killed; its successor takes the input again.
  mutating func take(
    now: Duration, cutAt percent: Int? = nil, _ input: (inout PresenceState) -> [PresenceStep]
  ) {
    let steps = input(&state)
    guard let percent else { return storage.apply(steps) }
    storage.apply(steps.prefix(steps.count * percent / 100))
    reload(now)
    storage.apply(input(&state))
  }

  /// Another aggregator takes over.
  mutating func reload(_ now: Duration) {
    state = PresenceState(
      storage.persisted, shard: state.shard, of: state.map, rules: state.rules, now: now)
    model.advance(to: now)
    model.reload()
    // Those of whose leave the group was not told yet have a grace again.
    for (group, roster) in state.rosters.groups {
      for (id, person) in roster.people {
        guard let grace = person.departure else { continue }
        model.linger(NaivePresence.Person(place: .group(group), userID: id), grace: grace)
      }
    }
  }
}

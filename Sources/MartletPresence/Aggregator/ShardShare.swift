/// Which shards an aggregator takes and gives back, so that all that live have an equal share. A value.
struct ShardShare: Equatable, Sendable {
  /// How many shards the cluster has.
  var count: Int
  /// Those that live, ordered alike for everybody; without this one while nothing is known.
  var daemons: [String]
  /// This one.
  var daemon: String

  /// The most shards that this daemon owns.
  var quota: Int {
    let live = max(daemons.count, 1)
    return (count + live - 1) / live
  }

  /// Those of `owned` that somebody else should have.
  func surplus(of owned: some Collection<Int>) -> [Int] {
    Array(preferred(owned).dropFirst(quota))
  }

  /// Those of `free` that this daemon should try to take.
  ///
  /// - Parameter remembered: shards that it had before; it knows what was announced in them.
  func claims(
    among free: some Collection<Int>, owned: Int, remembered: some Collection<Int>
  ) -> [Int] {
    let known = Set(remembered)
    let ordered = preferred(free)
    let candidates = ordered.filter(known.contains) + ordered.filter { !known.contains($0) }
    return Array(candidates.prefix(max(quota - owned, 0)))
  }

  /// Those that fall to this daemon when shards are dealt out first, so that daemons do not try for the same.
  private func preferred(_ shards: some Collection<Int>) -> [Int] {
    let live = max(daemons.count, 1)
    let rank = daemons.firstIndex(of: daemon) ?? 0
    let sorted = shards.sorted()
    return sorted.filter { $0 % live == rank } + sorted.filter { $0 % live != rank }
  }
}

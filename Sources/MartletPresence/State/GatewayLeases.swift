/// Which gateways are dead, as one observer of a shard may conclude.
///
/// A gateway counts up its renewals; it is dead once its count has not changed for a lease *while the
/// observer looked*. No two clocks are compared, and an observer that has just begun gives everybody a
/// whole lease. A value; time is an argument.
struct GatewayLeases: Sendable {
  private struct Observation: Sendable {
    /// Nil: not registered.
    var renewals: Int64?
    var deadline: Duration
  }

  private let lease: Duration
  private let allowance: Duration
  private var clock = PresenceClock()
  private var observations: [String: Observation] = [:]
  private var isFirst = true

  /// - Parameter allowance: added to the lease at the first look, when gateways may still be reconnecting.
  init(lease: Duration, allowance: Duration) {
    self.lease = lease
    self.allowance = allowance
  }

  /// - Parameters:
  ///   - renewals: of the gateways that are registered.
  ///   - known: the gateways that have reported; also the unregistered ones may be dead.
  /// - Returns: the dead ones, with the count at which they stopped.
  mutating func observe(
    renewals: [String: Int64], known: some Collection<String>, now: Duration
  ) -> [String: Int64?] {
    clock.advance(to: now)
    let extra = isFirst ? allowance : .zero
    isFirst = false
    var dead: [String: Int64?] = [:]
    var next: [String: Observation] = [:]
    for gateway in Set(renewals.keys).union(known) {
      let count = renewals[gateway]
      guard let former = observations[gateway], former.renewals == count else {
        next[gateway] = Observation(renewals: count, deadline: clock.elapsed + lease + extra)
        continue
      }
      next[gateway] = former
      if former.deadline <= clock.elapsed { dead.updateValue(count, forKey: gateway) }
    }
    observations = next
    return dead
  }
}

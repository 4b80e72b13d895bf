/// Changes of masters, and waiting for them.
extension RedisClusterProcess {
  /// How a replica becomes master by command.
  package enum Failover: String, CaseIterable, Sendable {
    /// The master hands over; nothing is lost.
    case coordinated
    /// Without the master, by a vote of the others.
    case force = "FORCE"
    /// Without anybody's consent.
    case takeover = "TAKEOVER"
  }

  /// The time that Redis gives a manual failover, and a little more.
  private static let failoverTimeout = Duration.seconds(6)

  /// Makes a replica of the master of `slot` its successor; returns it when all available nodes
  /// know it.
  @discardableResult
  package func failOver(slot: Int, _ failover: Failover = .coordinated) async throws -> Node {
    let old = try await master(ofSlot: slot)
    let replica = try await replica(ofMaster: old)
    // An election can be lost, to a late vote as to a recent one.
    for _ in 0..<5 {
      let options = failover == .coordinated ? [] : [failover.rawValue]
      _ = try await RedisTestClient.send(["CLUSTER", "FAILOVER"] + options, to: replica.server)
      do {
        try await eventually("the replica is master", within: Self.failoverTimeout) {
          try await view(of: replica).master(ofSlot: slot)?.id == replica.id
        }
        return try await waitForNewMaster(ofSlot: slot, not: old)
      } catch is NeverTrue {}
    }
    throw NeverTrue(what: "\(replica.server) succeeds \(old.server)")
  }

  /// Waits until all available nodes know one available master of `slot` that is not `old`, and
  /// serve.
  @discardableResult
  package func waitForNewMaster(
    ofSlot slot: Int, not old: Node, within limit: Duration = .seconds(30)
  ) async throws -> Node {
    var new: Node?
    try await eventually("slot \(slot) has a new master", within: limit) {
      let views = try await views()
      let ids = Set(views.map { $0.master(ofSlot: slot)?.id })
      guard ids.count == 1, let node = node(ids.first ?? nil) else { return false }
      new = node
      return node !== old && node.isAvailable && views.allSatisfy(\.isOK)
    }
    guard let new else { throw NeverTrue(what: "slot \(slot) has a new master") }
    return new
  }

  /// Waits until all available nodes serve, agree about roles and slots, suspect nobody who is
  /// available, know that the others have failed, and until all replicas are in sync.
  package func waitUntilStable(within limit: Duration = .seconds(30)) async throws {
    try await eventually("the cluster is stable", within: limit) {
      guard let views = try? await views(), let view = views.first else { return false }
      let isAgreed = views.allSatisfy { other in
        other.isOK && nodes.allSatisfy { isSettled($0, in: other, asIn: view) }
      }
      guard isAgreed else { return false }
      for replica in nodes where replica.isAvailable {
        guard let master = node(view.entry(replica.id)?.masterID), master.isAvailable else {
          continue
        }
        guard await replica.process.isInSync(with: master.server) else { return false }
      }
      return true
    }
  }

  private func isSettled(
    _ node: Node, in view: RedisClusterView, asIn other: RedisClusterView
  ) -> Bool {
    guard let entry = view.entry(node.id), let same = other.entry(node.id) else { return false }
    guard node.isAvailable else { return entry.hasFailed }
    return entry.isHealthy && entry.masterID == same.masterID && entry.slots == same.slots
  }
}

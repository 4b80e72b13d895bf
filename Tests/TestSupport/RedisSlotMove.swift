internal import MartletCore

/// A slot on its way from one master to another, as `redis-cli --cluster reshard` moves it.
///
/// While it is under way the source answers `ASK` for keys that it does not have, and the target
/// serves after `ASKING`; a command with keys on both sides gets `TRYAGAIN`. Replicas do not know
/// of it: a failover of either side ends it for that side.
package final class RedisSlotMove {
  /// Keys per `MIGRATE`.
  private static let batchSize = 100
  private static let migrateTimeout = Duration.seconds(10)

  package let slot: Int
  package let source: RedisClusterProcess.Node
  package let target: RedisClusterProcess.Node
  private let cluster: RedisClusterProcess

  /// Opens the slot at both sides; no key moves yet.
  fileprivate init(
    _ cluster: RedisClusterProcess, slot: Int, to target: RedisClusterProcess.Node
  ) async throws {
    self.cluster = cluster
    self.slot = slot
    self.target = target
    source = try await cluster.master(ofSlot: slot)
    // First the target: the source sends clients there as soon as it migrates.
    try await target.command("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", source.id)
    try await source.command("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", target.id)
  }

  /// The number of keys that the source still has.
  package func remainingKeys() async throws -> Int {
    try await source.command("CLUSTER", "COUNTKEYSINSLOT", "\(slot)").number ?? 0
  }

  /// Moves up to `limit` keys; all of them if nil.
  package func moveKeys(_ limit: Int? = nil) async throws {
    var rest = limit ?? .max
    while rest > 0 {
      let batch = min(rest, Self.batchSize)
      let reply = try await source.command("CLUSTER", "GETKEYSINSLOT", "\(slot)", "\(batch)")
      let keys = (reply.list ?? []).compactMap(\.text)
      if keys.isEmpty { return }
      let server = target.server
      let authentication = server.password.map { ["AUTH", $0] } ?? []
      let timeout = Int(Self.migrateTimeout / .milliseconds(1))
      let migrate =
        ["MIGRATE", server.host, "\(server.port)", "", "0", "\(timeout)"] + authentication
        + ["KEYS"] + keys
      _ = try await RedisTestClient.send(
        migrate, to: source.server, within: Self.migrateTimeout * 2)
      rest -= keys.count
    }
  }

  /// Moves half of the keys that the source still has.
  package func moveHalf() async throws {
    try await moveKeys(remainingKeys() / 2)
  }

  /// Moves the remaining keys and gives the slot to the target; returns when all available nodes
  /// know it.
  package func finish() async throws {
    try await moveKeys()
    // First the target, whose new epoch convinces the others; last those who only look on.
    try await target.command("CLUSTER", "SETSLOT", "\(slot)", "NODE", target.id)
    try await source.command("CLUSTER", "SETSLOT", "\(slot)", "NODE", target.id)
    for node in cluster.nodes where node.isAvailable && node !== target && node !== source {
      guard try await cluster.view(of: node).entry(node.id)?.isMaster == true else { continue }
      try await node.command("CLUSTER", "SETSLOT", "\(slot)", "NODE", target.id)
    }
    try await eventually("all nodes know the slot's new master") {
      try await cluster.views().allSatisfy { $0.master(ofSlot: slot)?.id == target.id }
    }
  }
}

extension RedisClusterProcess {
  /// Opens `slot` for its move to the master `target`; ``RedisSlotMove/finish()`` completes it.
  package func beginMove(ofSlot slot: Int, to target: Node) async throws -> RedisSlotMove {
    try await RedisSlotMove(self, slot: slot, to: target)
  }

  /// Moves `slot` with all its keys to the master `target`, while both serve.
  package func moveSlot(_ slot: Int, to target: Node) async throws {
    if try await master(ofSlot: slot) === target { return }
    try await beginMove(ofSlot: slot, to: target).finish()
  }
}

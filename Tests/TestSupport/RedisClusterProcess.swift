package import MartletCore

/// A Redis Cluster of one test: on loopback, without persistence unless asked for, killed with its
/// owner.
///
/// A dead master is replaced about a second after the node timeout. Used by one test.
package final class RedisClusterProcess {
  /// One Redis of the cluster.
  package final class Node {
    /// What the cluster calls it; the same after a restart.
    package let id: String
    let process: RedisServerProcess

    fileprivate init(_ process: RedisServerProcess) async throws {
      self.process = process
      id = try await process.command("CLUSTER", "MYID").text ?? ""
    }

    /// Where it listens.
    package var server: RedisServer { process.server }

    /// Whether it runs and is not frozen.
    package var isAvailable: Bool { process.isAvailable }

    /// Runs one command on a connection of its own; an error reply, `MOVED` too, is thrown.
    @discardableResult
    package func command(_ arguments: String...) async throws -> RedisTestClient.Reply {
      try await RedisTestClient.send(arguments, to: server)
    }
  }

  package static let slotCount = 16_384
  /// Redis listens there for the other nodes.
  private static let busPortDistance = 10_000

  /// First the masters, then the replicas, as they have started.
  package let nodes: [Node]

  private init(_ nodes: [Node]) {
    self.nodes = nodes
  }

  /// Starts a cluster and waits until it is stable, which takes about two seconds: for so long a
  /// master does not serve after its start.
  ///
  /// - Parameters:
  ///   - masters: share the slots evenly, in ascending order.
  ///   - replicas: all together; replica `n` belongs to master `n % masters`.
  ///   - nodeTimeout: after which silence a node is suspected.
  ///   - arguments: further `redis-server` options for each node; later ones win.
  package static func start(
    masters: Int = 3, replicas: Int = 3, nodeTimeout: Duration = .seconds(1),
    password: String? = nil, arguments: [String] = []
  ) async throws -> RedisClusterProcess {
    let milliseconds = Int(nodeTimeout / .milliseconds(1))
    let options = [
      "--cluster-enabled", "yes", "--cluster-node-timeout", "\(milliseconds)",
      "--cluster-announce-ip", "127.0.0.1",
      // A replica takes over however long it has been without its master.
      "--cluster-replica-validity-factor", "0",
      // A replica stays with the master that the test has given it.
      "--cluster-allow-replica-migration", "no",
    ]
    var nodes: [Node] = []
    for _ in 0..<masters + replicas {
      let process = try await RedisServerProcess.start(
        password: password, arguments: options + arguments
      ) { try await FreePort.find(withNeighbourAt: busPortDistance) }
      nodes.append(try await Node(process))
    }
    let cluster = RedisClusterProcess(nodes)
    try await cluster.form(masters: masters)
    return cluster
  }

  /// Makes one cluster of nodes that do not know each other.
  private func form(masters: Int) async throws {
    for (index, node) in nodes.enumerated() {
      // Epochs that differ from the start spare the nodes a quarrel about them.
      try await node.command("CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)")
      if index < masters {
        let first = index * Self.slotCount / masters
        let end = (index + 1) * Self.slotCount / masters
        try await node.command("CLUSTER", "ADDSLOTSRANGE", "\(first)", "\(end - 1)")
      }
    }
    // Each meets each: gossip would take its time.
    for (index, node) in nodes.enumerated() {
      for other in nodes[(index + 1)...] {
        try await node.command("CLUSTER", "MEET", other.server.host, "\(other.server.port)")
      }
    }
    let ids = Set(nodes.map(\.id))
    try await eventually("the nodes know each other") {
      try await views().allSatisfy { view in
        Set(view.entries.map(\.id)) == ids && view.entries.allSatisfy(\.isHealthy)
      }
    }
    for (index, replica) in nodes.dropFirst(masters).enumerated() {
      try await replica.command("CLUSTER", "REPLICATE", nodes[index % masters].id)
    }
    try await waitUntilStable()
  }

  // MARK: Who is what

  /// Where a client may begin.
  package var seeds: [RedisServer] { nodes.map(\.server) }

  /// The slot of `key`, with its hash tag.
  package func slot(ofKey key: String) async throws -> Int {
    for node in nodes where node.isAvailable {
      if let slot = try await node.command("CLUSTER", "KEYSLOT", key).number { return slot }
    }
    throw NeverTrue(what: "a node is available")
  }

  /// The master of `slot` by the newest configuration that an available node knows; after a fault,
  /// perhaps one that is not available.
  package func master(ofSlot slot: Int) async throws -> Node {
    let claims = try await views().compactMap { $0.master(ofSlot: slot) }
    let newest = claims.max { $0.configEpoch < $1.configEpoch }
    guard let node = node(newest?.id) else { throw NeverTrue(what: "slot \(slot) has a master") }
    return node
  }

  /// The available nodes that follow `master`, as they themselves say.
  package func replicas(ofMaster master: Node) async throws -> [Node] {
    var replicas: [Node] = []
    for node in nodes where node.isAvailable {
      if try await view(of: node).entry(node.id)?.masterID == master.id { replicas.append(node) }
    }
    return replicas
  }

  /// An available node that follows `master`.
  package func replica(ofMaster master: Node) async throws -> Node {
    guard let replica = try await replicas(ofMaster: master).first else {
      throw NeverTrue(what: "\(master.server) has a replica")
    }
    return replica
  }

  // MARK: Faults

  /// Ends a node at once, as a crash would. Its data is lost, unless `arguments` keep it.
  package func kill(_ node: Node) {
    node.process.kill()
  }

  /// Starts a node again after ``kill(_:)``; it knows the cluster, and learns its role from it.
  ///
  /// A master that returns before it has been replaced is a master without data.
  package func restart(_ node: Node) async throws {
    try await node.process.restart()
  }

  /// Stops a node's clock; it neither answers nor closes connections.
  package func freeze(_ node: Node) {
    node.process.freeze()
  }

  /// Goes on after ``freeze(_:)``.
  package func thaw(_ node: Node) {
    node.process.thaw()
  }

  // MARK: For the extensions

  func node(_ id: String?) -> Node? { nodes.first { $0.id == id } }

  func view(of node: Node) async throws -> RedisClusterView { try await .of(node) }

  /// What the available nodes say; throws if one does not answer.
  func views() async throws -> [RedisClusterView] {
    var views: [RedisClusterView] = []
    for node in nodes where node.isAvailable { views.append(try await view(of: node)) }
    return views
  }
}

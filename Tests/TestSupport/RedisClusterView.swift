/// What one node of a Redis Cluster says about all (`CLUSTER NODES` and `CLUSTER INFO`).
package struct RedisClusterView: Equatable, Sendable {
  /// A node as another sees it.
  package struct Entry: Equatable, Sendable {
    package var id: String
    package var flags: Set<String>
    /// The master's id; nil for a master.
    package var masterID: String?
    package var configEpoch: Int
    package var isConnected: Bool
    package var slots: [ClosedRange<Int>]

    package var isMaster: Bool { flags.contains("master") }
    /// Enough nodes agree that it has failed.
    package var hasFailed: Bool { flags.contains("fail") }
    /// Nobody suspects it, and it is known by its final id.
    package var isHealthy: Bool {
      isConnected && flags.isDisjoint(with: ["fail", "fail?", "handshake", "noaddr"])
    }
  }

  /// `cluster_state:ok`: it serves.
  package var isOK: Bool
  package var entries: [Entry]

  /// Reads the texts of the two commands; lines of another form are left out.
  package init(nodes: String, info: String) {
    isOK = info.contains("cluster_state:ok")
    entries = nodes.split(whereSeparator: \.isNewline).compactMap { Entry(line: $0) }
  }

  /// Asks `node`.
  static func of(_ node: RedisClusterProcess.Node) async throws -> RedisClusterView {
    let replies = try await RedisTestClient.send(
      [["CLUSTER", "NODES"], ["CLUSTER", "INFO"]], to: node.server)
    return RedisClusterView(nodes: replies[0].text ?? "", info: replies[1].text ?? "")
  }

  package func entry(_ id: String) -> Entry? { entries.first { $0.id == id } }

  /// The master of `slot`: that of the newest configuration, if several claim it.
  package func master(ofSlot slot: Int) -> Entry? {
    entries.filter { $0.isMaster && $0.slots.contains { $0.contains(slot) } }
      .max { $0.configEpoch < $1.configEpoch }
  }
}

extension RedisClusterView.Entry {
  /// `id address flags master ping-sent pong-received config-epoch link-state slot…`, where a slot
  /// is a number, a range, or in brackets a move under way.
  fileprivate init?(line: Substring) {
    let fields = line.split(separator: " ")
    guard fields.count >= 8, let epoch = Int(fields[6]) else { return nil }
    id = String(fields[0])
    flags = Set(fields[2].split(separator: ",").map { String($0) })
    masterID = fields[3] == "-" ? nil : String(fields[3])
    configEpoch = epoch
    isConnected = fields[7] == "connected"
    slots = fields[8...].compactMap { field in
      let bounds = field.split(separator: "-").compactMap { Int($0) }
      return switch bounds.count {
      case 1 where !field.hasPrefix("["): bounds[0]...bounds[0]
      case 2 where !field.hasPrefix("["): bounds[0]...bounds[1]
      default: nil
      }
    }
  }
}

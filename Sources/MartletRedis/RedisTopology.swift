internal import MartletCore

/// Which node owns which slots of a Redis Cluster. A value.
struct RedisTopology: Equatable {
  private struct Range: Equatable {
    var slots: ClosedRange<UInt16>
    var owner: HostAndPort
  }

  private var ranges: [Range] = []
  /// Newer than `ranges`: from redirections.
  private var moved: [UInt16: HostAndPort] = [:]
  /// Every node that was mentioned, replicas too.
  private(set) var nodes: [HostAndPort] = []

  /// Nothing is known.
  init() {}

  /// Reads the reply to `CLUSTER SLOTS`: ranges, each `[first, last, [host, port, …], replicas…]`.
  /// Nil if it is of another form.
  ///
  /// - Parameter server: who was asked; takes the place of hosts that are left out.
  init?(_ reply: RedisValue, from server: HostAndPort) {
    guard let rows = reply.elements else { return nil }
    for row in rows {
      guard let parts = row.elements, parts.count >= 3,
        let first = parts[0].number.flatMap({ UInt16(exactly: $0) }),
        let last = parts[1].number.flatMap({ UInt16(exactly: $0) }), first <= last
      else { return nil }
      let addresses = parts[2...].compactMap { Self.address($0, from: server) }
      guard let owner = addresses.first else { continue }
      ranges.append(Range(slots: first...last, owner: owner))
      for node in addresses where !nodes.contains(node) { nodes.append(node) }
    }
  }

  private static func address(_ node: RedisValue, from server: HostAndPort) -> HostAndPort? {
    guard let parts = node.elements, parts.count >= 2, let port = parts[1].number else {
      return nil
    }
    // Null or empty: the address that was used to ask. "?": not known yet.
    let host = parts[0].text ?? ""
    guard host != "?" else { return nil }
    return HostAndPort(host: host.isEmpty ? server.host : host, port: Int(port))
  }

  /// The master of a slot; nil if nobody is known to own it.
  func owner(of slot: UInt16) -> HostAndPort? {
    moved[slot] ?? ranges.first { $0.slots.contains(slot) }?.owner
  }

  /// Takes note of a redirection.
  mutating func move(_ slot: UInt16, to owner: HostAndPort) {
    moved[slot] = owner
    if !nodes.contains(owner) { nodes.append(owner) }
  }
}

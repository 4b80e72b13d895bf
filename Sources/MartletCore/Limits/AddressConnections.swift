/// How many connections each address has. Remembers only addresses that have some.
package struct AddressConnections: Sendable {
  /// The most of one address.
  package let maximum: Int
  /// The most addresses. As many as a gateway takes connections: then this table is never the first to be full.
  package let capacity: Int
  private var counts: [AddressKey: Int] = [:]

  package init(maximum: Int, capacity: Int) {
    self.maximum = maximum
    self.capacity = capacity
  }

  /// How many addresses have connections.
  package var addresses: Int { counts.count }

  package func count(of address: AddressKey) -> Int { counts[address] ?? 0 }

  /// Whether the address may have one more connection; if so it is counted.
  package mutating func open(_ address: AddressKey) -> Bool {
    let count = counts[address] ?? 0
    guard count < maximum, count > 0 || counts.count < capacity else { return false }
    counts[address] = count + 1
    return true
  }

  /// One that was counted has gone.
  package mutating func close(_ address: AddressKey) {
    guard let count = counts[address] else {
      preconditionFailure("a connection has gone that was not counted")
    }
    counts[address] = count == 1 ? nil : count - 1
  }
}

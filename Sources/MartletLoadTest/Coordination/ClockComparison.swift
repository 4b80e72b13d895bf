/// The clocks of two machines, by the exchange with the shortest round trip (as RFC 5905 §10 prefers it).
struct ClockComparison: Sendable, Equatable {
  /// What to add to this machine's wall clock for the other's; nanoseconds.
  private(set) var offset: Int64 = 0
  /// Half of the shortest round trip; nil before the first exchange.
  private(set) var error: Int64?

  /// All in nanoseconds since 1970: when this machine asked and had its answer, and what the other said.
  mutating func add(sent: Int64, received: Int64, theirs: Int64) {
    let error = max(0, received - sent) / 2
    guard self.error.map({ error < $0 }) ?? true else { return }
    self.error = error
    offset = theirs - (sent + error)
  }
}

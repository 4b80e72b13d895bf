/// The orders for one worker: a value; whoever owns it carries out what it says.
struct OrderQueue<Waiter: Sendable>: Sendable {
  private struct Entry {
    var number: Int
    var order: WorkerOrder
    /// Waits for the reply.
    var waiter: Waiter
  }

  private var entries: [Entry] = []
  private var next = 1

  mutating func append(_ order: WorkerOrder, _ waiter: Waiter) {
    entries.append(Entry(number: next, order: order, waiter: waiter))
    next += 1
  }

  /// The order to carry out; the same until it is answered.
  var first: (number: Int, order: WorkerOrder)? {
    entries.first.map { ($0.number, $0.order) }
  }

  /// - Returns: who waited; nil for a repetition.
  mutating func answered(_ number: Int) -> Waiter? {
    guard let first = entries.first, first.number == number else { return nil }
    entries.removeFirst()
    return first.waiter
  }

  /// Nobody will answer.
  mutating func abandon() -> [Waiter] {
    defer { entries = [] }
    return entries.map(\.waiter)
  }
}

internal import NIOCore

/// Lets the clients that are not observers read now and then, in turn (``Sampling``). Confined to its loop.
///
/// In small steps: observers on the same loop must not wait for it.
final class LeisurelyReader {
  /// Between two steps.
  private static let step = TimeAmount.milliseconds(1)

  private let interval: Double
  private let timer: LoopTimer
  private var clients: [SimulatedClient] = []
  /// Whose turn it is.
  private var next = 0
  /// Turns that are due, as a fraction.
  private var due = 0.0
  private var previous = NIODeadline.now()

  init(eventLoop: any EventLoop, interval: Duration) {
    self.interval = Double(interval.nanoseconds)
    timer = LoopTimer(eventLoop: eventLoop)
  }

  /// Gives a client turns, for as long as this reads.
  func add(_ client: SimulatedClient) {
    clients.append(client)
    guard timer.deadline == nil else { return }
    previous = .now()
    wait()
  }

  /// Gives nobody a turn any more.
  func stop() {
    timer.cancel()
    clients = []
  }

  private func wait() {
    timer.set(.now() + Self.step) { self.read() }
  }

  private func read() {
    let now = NIODeadline.now()
    due += Double((now - previous).nanoseconds) / interval * Double(clients.count)
    previous = now
    // A loop that was late does not owe anybody two turns.
    due = min(due, Double(clients.count))
    while due >= 1, !clients.isEmpty {
      due -= 1
      next = next + 1 < clients.count ? next + 1 : 0
      if clients[next].hasLeft {
        clients.swapAt(next, clients.count - 1)
        clients.removeLast()
      } else {
        clients[next].read()
      }
    }
    wait()
  }
}

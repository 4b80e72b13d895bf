/// Latencies of a part of the clients instead of all: the others look only now and then at what has come, and read much at once,
/// which costs the generator a fraction. What they receive is judged alike.
package struct Sampling: Sendable, Equatable, Codable {
  /// The share of the clients (0…1) that read at once, and whose latencies count.
  package var observers: Double
  /// How often each of the others reads. What comes meanwhile waits in its socket.
  package var readEvery: Duration

  package init(observers: Double, readEvery: Duration = .milliseconds(250)) {
    self.observers = observers
    self.readEvery = readEvery
  }
}

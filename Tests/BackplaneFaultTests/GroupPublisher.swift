import MartletCore
import MartletTestSupport
import Synchronization

/// A client that publishes 1, 2, 3, … into a group: the next when the last is acknowledged, and the same again, with the same
/// id, until it is.
final class GroupPublisher: Sendable {
  private struct State {
    var acknowledged = 0
    var refusals = 0
    var isStopping = false
  }

  let name: String
  let group: String
  private let path: String
  private let port: Int
  private let state = Mutex(State())
  private let task = Mutex<Task<Void, Never>?>(nil)

  init(name: String, group: String, path: String, port: Int) {
    self.name = name
    self.group = group
    self.path = path
    self.port = port
  }

  func start() {
    let publishing = Task { await publish() }
    task.withLock { $0 = publishing }
  }

  /// Lets the last publication be acknowledged.
  ///
  /// - Parameter givingUp: or leaves it.
  func stop(givingUp: Bool = false) async {
    state.withLock { $0.isStopping = true }
    let publishing = task.withLock { $0 }
    if givingUp { publishing?.cancel() }
    await publishing?.value
  }

  /// Everything up to this number is acknowledged.
  var acknowledged: Int { state.withLock { $0.acknowledged } }

  /// How often the publisher was told to try again.
  var refusals: Int { state.withLock { $0.refusals } }

  private func publish() async {
    var client: WebSocketTestClient?
    while true {
      let next = state.withLock { $0.isStopping ? nil : $0.acknowledged + 1 }
      guard let next else { break }
      while await !publish(next, &client) {
        if Task.isCancelled { return }
        state.withLock { $0.refusals += 1 }
        try? await Task.sleep(for: .milliseconds(30))
      }
      state.withLock { $0.acknowledged = next }
      try? await Task.sleep(for: .milliseconds(15))
    }
    await client?.abort()
  }

  /// Whether it is acknowledged.
  private func publish(_ number: Int, _ client: inout WebSocketTestClient?) async -> Bool {
    do {
      let connection: WebSocketTestClient
      if let client, !client.isClosed {
        connection = client
      } else {
        connection = try await WebSocketTestClient.connect(port: port, path)
        client = connection
      }
      try await connection.send(
        #"{"type":"e","publisher":"\#(name)","number":\#(number),"ref":\#(number),"#
          + #""idempotency_id":"\#(name)-\#(number)"}"#)
      while true {
        let frame = try await connection.message(within: .seconds(15))
        guard frame.number("ref") == number else { continue }
        return frame.text("type") == "ack"
      }
    } catch {
      await client?.abort()
      client = nil
      return false
    }
  }
}

import MartletCore
import MartletTestSupport
import Synchronization

/// A client that wants to see everything of a group: it comes back with its position whenever it is cut off.
final class GroupMember: Sendable {
  private struct State {
    var epoch: String?
    var offset = 0
    /// What came since the member joined, or was last told that it missed something.
    var seen: [Publication] = []
    var start = 0
    var told = 0
    var reconnects = 0
    var problem: String?
  }

  let group: String
  private let path: String
  private let port: Int
  private let state = Mutex(State())
  private let task = Mutex<Task<Void, Never>?>(nil)

  init(group: String, path: String, port: Int) {
    self.group = group
    self.path = path
    self.port = port
  }

  func start() {
    let following = Task { await follow() }
    task.withLock { $0 = following }
  }

  func stop() async {
    let follow = task.withLock { $0 }
    follow?.cancel()
    await follow?.value
  }

  var hasJoined: Bool { state.withLock { $0.epoch != nil } }

  var position: (epoch: String, offset: Int)? {
    state.withLock { state in state.epoch.map { ($0, state.offset) } }
  }

  var told: Int { state.withLock { $0.told } }

  var reconnects: Int { state.withLock { $0.reconnects } }

  /// What is wrong with what was seen, if the group has `history`; nil if nothing is.
  func problem(comparedWith history: [Publication]) -> String? {
    state.withLock { state in
      if let problem = state.problem { return problem }
      let expected = history.filter { $0.offset > state.start }
      if state.seen == expected { return nil }
      let unlike = zip(state.seen, expected).first { $0 != $1 }
      return "saw \(state.seen.count) of \(expected.count) after \(state.start)"
        + (unlike.map { ", first \($0) instead of \($1)" } ?? "")
    }
  }

  private func follow() async {
    while !Task.isCancelled {
      let query = position.map { "?epoch=\($0.epoch)&offset=\($0.offset)" } ?? ""
      do {
        let client = try await WebSocketTestClient.connect(port: port, path + query)
        while !Task.isCancelled, !client.isClosed {
          if let frame = try? await client.message(within: .milliseconds(200)) { receive(frame) }
        }
        await client.abort()
      } catch {
        try? await Task.sleep(for: .milliseconds(50))
      }
      state.withLock { $0.reconnects += 1 }
    }
  }

  private func receive(_ frame: JSONObject) {
    state.withLock { state in
      switch frame.text("type") {
      case "connection_established":
        if frame["recovered"] == .bool(true) { return }
        if state.epoch != nil { state.told += 1 }
        Self.restart(&state, frame)
      case "resync":
        state.told += 1
        Self.restart(&state, frame)
      case "e":
        guard let publication = Publication(frame) else { return }
        if publication.offset != state.offset + 1, state.problem == nil {
          state.problem = "\(publication.offset) came after \(state.offset)"
        }
        state.offset = publication.offset
        if let epoch = frame.text("epoch") { state.epoch = epoch }
        state.seen.append(publication)
      default: break
      }
    }
  }

  private static func restart(_ state: inout State, _ frame: JSONObject) {
    state.epoch = frame.text("position.epoch")
    state.offset = frame.number("position.offset") ?? 0
    state.start = state.offset
    state.seen = []
  }
}

import Foundation
import MartletTestSupport
import NIOCore
import Synchronization

/// A client that keeps to the rules beside the attackers: it has to get every publication, once, in order, and never to come back.
/// Written apart from the gateway's code. Any thread.
final class HonestMember: Sendable {
  enum Kind: Sendable {
    case webSocket
    case eventStream
  }

  private struct State {
    var input = ByteBuffer()
    var hasHead = false
    var isJoined = false
    var offset = 0
    /// The last event of its own that was acknowledged.
    var acknowledged = 0
    var problems: [String] = []
  }

  private let kind: Kind
  private let connection: RawConnection
  private let state: StateBox

  private init(_ kind: Kind, _ connection: RawConnection, _ state: StateBox) {
    self.kind = kind
    self.connection = connection
    self.state = state
  }

  static func join(_ kind: Kind, port: Int, tls: RawConnection.TLS?, _ target: String)
    async throws -> HonestMember
  {
    let state = StateBox()
    let connection = try await RawConnection.open(port: port, tls: tls) { state.received($0, kind) }
    state.connection.withLock { $0 = connection }
    switch kind {
    case .webSocket:
      try await connection.send(
        "GET \(target) HTTP/1.1\r\nHost: honest\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    case .eventStream:
      try await connection.send("GET /sse\(target) HTTP/1.1\r\nHost: honest\r\n\r\n")
    }
    let member = HonestMember(kind, connection, state)
    try await eventually("an honest client joins") {
      if let problem = member.problems.first { throw NeverTrue(what: problem) }
      return state.read { $0.isJoined }
    }
    return member
  }

  /// The last publication that it has seen.
  var offset: Int { state.read { $0.offset } }
  var acknowledged: Int { state.read { $0.acknowledged } }

  /// What went wrong for it.
  var problems: [String] {
    let ended = connection.isClosed ? ["\(kind) was disconnected: \(connection.error ?? "")"] : []
    return state.read { $0.problems } + ended
  }

  func publish(_ number: Int) {
    connection.flood(Attacker.text(#"{"type":"chat_message","ref":\#(number)}"#))
  }

  func leave() async {
    await connection.close()
  }

  private final class StateBox: Sendable {
    private let state = Mutex(State())
    let connection = Mutex<RawConnection?>(nil)

    func read<Value: Sendable>(_ body: (State) -> Value) -> Value {
      state.withLock { body($0) }
    }

    func received(_ bytes: ByteBuffer, _ kind: Kind) {
      state.withLock { state in
        state.input.writeImmutableBuffer(bytes)
        if !state.hasHead {
          let text = String(buffer: state.input)
          guard let end = text.range(of: "\r\n\r\n") else { return }
          guard text.hasPrefix(kind == .webSocket ? "HTTP/1.1 101" : "HTTP/1.1 200") else {
            return state.problems.append("an honest client was answered \(text)")
          }
          state.hasHead = true
          state.input.moveReaderIndex(forwardBy: text[..<end.upperBound].utf8.count)
        }
        switch kind {
        case .webSocket: readFrames(&state)
        case .eventStream: readEvents(&state)
        }
        state.input.discardReadBytes()
      }
    }

    private func readFrames(_ state: inout State) {
      while true {
        var rest = state.input
        guard let first: UInt8 = rest.readInteger(), let short: UInt8 = rest.readInteger()
        else { return }
        let length =
          switch short {
          case 126: rest.readInteger(as: UInt16.self).map(Int.init)
          case 127: rest.readInteger(as: UInt64.self).map(Int.init)
          default: Optional(Int(short))
          }
        guard let length, let payload = rest.readSlice(length: length) else { return }
        state.input = rest
        switch first & 0xf {
        case 1: Self.take(String(buffer: payload), &state)
        case 9: connection.withLock { $0 }?.flood(Attacker.frame(10, payload.readableBytesView))
        default: state.problems.append("a frame \(first): \(Array(payload.readableBytesView))")
        }
      }
    }

    private func readEvents(_ state: inout State) {
      while let end = state.input.readableBytesView.firstRange(of: [10, 10]) {
        let length = end.upperBound - state.input.readerIndex
        guard let event = state.input.readString(length: length) else { return }
        for line in event.split(separator: "\n") where line.hasPrefix("data: ") {
          Self.take(String(line.dropFirst(6)), &state)
        }
      }
    }

    private static func take(_ text: String, _ state: inout State) {
      guard let message = try? JSONObject(text) else {
        return state.problems.append("no JSON: \(text)")
      }
      switch message.text("type") {
      case "connection_established":
        state.isJoined = true
        state.offset = message.number("position.offset") ?? -1
      case "chat_message":
        let offset = message.number("offset") ?? -1
        if offset != state.offset + 1 {
          state.problems.append("\(offset) came behind \(state.offset)")
        }
        state.offset = offset
      case "ack":
        state.acknowledged = message.number("ref") ?? -1
      // Who else comes and goes.
      case "user_joined", "user_left", "presence_updated", "presence_state": break
      default: state.problems.append(text)
      }
    }
  }
}

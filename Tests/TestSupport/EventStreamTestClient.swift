internal import Foundation
internal import MartletCore
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A reader of server-sent events over HTTP/1.1 (WHATWG HTML §9.2.6), written apart from the server's code.
package final class EventStreamTestClient: Sendable {
  package struct Event: Equatable, Sendable {
    package var id: String?
    package var data: String

    package func json() throws -> JSONObject {
      try JSONObject(data)
    }
  }

  private struct State {
    var head: String?
    var text = ""
    var events: [Event] = []
    var lastID: String?
    var retry: Int?
    var comments = 0
    var isClosed = false
  }

  private let state: SharedState
  private let channel: any Channel

  private init(_ channel: any Channel, _ state: SharedState) {
    self.channel = channel
    self.state = state
  }

  /// Returns when the head of the response is there, whatever its status.
  package static func connect(
    port: Int, _ target: String, headers: [(String, String)] = []
  ) async throws -> EventStreamTestClient {
    let client = try await send(port: port, target, headers: headers)
    try await eventually("the response begins") {
      client.state.read { $0.head != nil || $0.isClosed }
    }
    return client
  }

  /// Returns when the request has been sent.
  package static func send(
    port: Int, _ target: String, headers: [(String, String)] = []
  ) async throws -> EventStreamTestClient {
    let state = SharedState()
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler(state))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    let fields = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
    try await channel.writeAndFlush(
      ByteBuffer(string: "GET \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(fields)\r\n")
    ).get()
    return EventStreamTestClient(channel, state)
  }

  package var status: Int {
    state.read { $0.head?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0 }
  }

  package func header(_ name: String) -> String? {
    state.read { state in
      state.head?.split(separator: "\r\n").compactMap { line -> String? in
        let parts = line.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == name else { return nil }
        return String(parts[1].drop { $0 == " " })
      }.first
    }
  }

  /// In milliseconds.
  package var retry: Int? { state.read { $0.retry } }
  package var comments: Int { state.read { $0.comments } }
  package var isClosed: Bool { state.read { $0.isClosed } }

  /// What came behind the head and is no event yet; of another answer all of it.
  package var text: String { state.read { $0.text } }

  package func event() async throws -> Event {
    var event: Event?
    try await eventually("an event comes") {
      event = state.change { $0.events.isEmpty ? nil : $0.events.removeFirst() }
      return event != nil || isClosed
    }
    guard let event else { throw NeverTrue(what: "an event comes before the stream ends") }
    return event
  }

  /// The next event whose JSON is of `type`; others are dropped.
  package func event(ofType type: String) async throws -> Event {
    while true {
      let next = try await event()
      if try next.json()["type"] == .string(type) { return next }
    }
  }

  /// Stops or resumes reading, as a stalled browser would.
  package func setReading(_ isReading: Bool) async throws {
    try await channel.setOption(.autoRead, value: isReading).get()
  }

  /// Sends one more request on the connection.
  package func ask(_ target: String) async throws {
    try await channel.writeAndFlush(
      ByteBuffer(string: "GET \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    ).get()
  }

  package func abort() async {
    try? await channel.close().get()
  }

  private final class SharedState: Sendable {
    private let state = Mutex(State())

    func read<Value: Sendable>(_ body: (State) -> Value) -> Value {
      state.withLock { body($0) }
    }

    func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
      state.withLock { body(&$0) }
    }

    func received(_ text: String) {
      change { state in
        // A Swift character may be CR and LF at once.
        state.text += text
        if state.head == nil {
          guard let end = state.text.range(of: "\r\n\r\n") else { return }
          state.head = String(state.text[..<end.lowerBound])
          state.text = String(state.text[end.upperBound...])
        }
        while let end = state.text.range(of: "\n\n") {
          let block = state.text[..<end.lowerBound]
          Self.dispatch(block, &state)
          state.text = String(state.text[end.upperBound...])
        }
      }
    }

    private static func dispatch(_ block: Substring, _ state: inout State) {
      var data: [Substring] = []
      for line in block.split(separator: "\n", omittingEmptySubsequences: false) {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { continue }
        let value = parts[1].first == " " ? parts[1].dropFirst() : parts[1]
        switch parts[0] {
        case "": state.comments += 1
        case "id": state.lastID = String(value)
        case "retry": state.retry = Int(value)
        case "data": data.append(value)
        default: break
        }
      }
      if !data.isEmpty {
        state.events.append(Event(id: state.lastID, data: data.joined(separator: "\n")))
      }
    }
  }

  private final class Handler: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let state: SharedState

    init(_ state: SharedState) {
      self.state = state
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      state.received(String(buffer: unwrapInboundIn(data)))
    }

    func channelInactive(context: ChannelHandlerContext) {
      state.change { $0.isClosed = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }
}

import MartletTestSupport
import NIOCore
import NIOPosix
import Synchronization

@testable import MartletLoadTest

/// A `Dialer` on an event loop, for tests.
final class TestDialer: Sendable {
  private let dialer: NIOLoopBound<Dialer>
  private let loop: any EventLoop

  init(security: ClientSecurity? = nil) async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    self.loop = loop
    dialer = try await loop.submit {
      NIOLoopBound(Dialer(eventLoop: loop, security: security), eventLoop: loop)
    }.get()
  }

  func dial(_ dial: Dial) async throws -> TestTransport {
    let probe = TransportProbe()
    let (dialer, loop) = (dialer, loop)
    let transport = try await loop.submit {
      NIOLoopBound(dialer.value.dial(dial, delegate: probe), eventLoop: loop)
    }.get()
    return TestTransport(transport, probe, loop)
  }
}

/// What a transport has told.
final class TransportProbe: ClientTransportDelegate, Sendable {
  struct State {
    var isOpen = false
    var messages: [String] = []
    var ends: [ConnectionEnd] = []
  }

  let state = Mutex(State())

  func transportDidOpen() { state.withLock { $0.isOpen = true } }

  func transportDidReceive(_ text: Span<UInt8>, now: UInt64) {
    let message = String(decoding: text.indices.map { text[$0] }, as: UTF8.self)
    state.withLock { $0.messages.append(message) }
  }

  func transportDidEnd(_ end: ConnectionEnd) { state.withLock { $0.ends.append(end) } }
}

/// A client's connection, as a test sees it.
final class TestTransport: Sendable {
  private let transport: NIOLoopBound<any ClientTransport>
  private let loop: any EventLoop
  let probe: TransportProbe
  private let taken = Mutex(0)

  init(
    _ transport: NIOLoopBound<any ClientTransport>, _ probe: TransportProbe, _ loop: any EventLoop
  ) {
    self.transport = transport
    self.probe = probe
    self.loop = loop
  }

  var isOpen: Bool { probe.state.withLock { $0.isOpen } }
  var ends: [ConnectionEnd] { probe.state.withLock { $0.ends } }
  var messages: [String] { probe.state.withLock { $0.messages } }

  /// Waits for a further message of a type; skips others.
  func message(ofType type: String) async throws -> JSONObject {
    var found: JSONObject?
    try await eventually("a message comes of type \(type)") {
      let next = taken.withLock { taken -> String? in
        let messages = self.messages
        guard taken < messages.count else { return nil }
        taken += 1
        return messages[taken - 1]
      }
      guard let next else { return false }
      let object = try JSONObject(next)
      if object.text("type") == type { found = object }
      return found != nil
    }
    guard let found else { throw NeverTrue(what: "a message of type \(type)") }
    return found
  }

  /// Waits for the end.
  func end() async throws -> ConnectionEnd {
    try await eventually("the transport ends") { !ends.isEmpty }
    return ends[0]
  }

  func send(_ text: String, sequence: UInt32? = nil) async throws {
    try await perform {
      $0.send(ByteBuffer(string: text), sequence: sequence)
      $0.flush()
    }
  }

  func setReading(_ reading: Reading) async throws {
    try await perform { $0.setReading(reading) }
  }

  func read() async throws { try await perform { $0.read() } }

  func close() async throws { try await perform { $0.close() } }
  func abort() async throws { try await perform { $0.abort() } }

  private func perform(_ body: @escaping @Sendable (any ClientTransport) -> Void) async throws {
    let transport = transport
    try await loop.submit { body(transport.value) }.get()
  }
}

extension Dial {
  /// To a server of a test.
  static func test(
    _ port: Int, _ path: String, _ transport: Behaviour.Transport, isSecure: Bool = false,
    position: Position? = nil
  ) throws -> Dial {
    var dial = Dial(
      target: 0, server: Target(host: "localhost", port: port, isSecure: isSecure),
      address: try SocketAddress(ipAddress: "127.0.0.1", port: port), path: path,
      transport: transport)
    dial.position = position
    return dial
  }
}

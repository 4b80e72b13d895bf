import Foundation
import MartletTestSupport
import NIOCore
import Synchronization

/// Who attacks a gateway: opens connections, and closes them all in the end. Any thread.
final class Attacker: Sendable {
  let victim: Victim
  private let connections = Mutex<[RawConnection]>([])
  private let clients = Mutex<[WebSocketTestClient]>([])
  private let rooms = Mutex(0)

  init(_ victim: Victim) {
    self.victim = victim
  }

  /// Closes whatever is still open.
  func leave() async {
    for connection in connections.withLock({ $0 }) { await connection.close() }
    for client in clients.withLock({ $0 }) { await client.abort() }
  }

  // MARK: Bytes

  /// - Parameter protocols: of ALPN, where the gateway speaks TLS.
  func connect(
    protocols: [String] = ["http/1.1"], from source: String? = nil
  ) async throws -> RawConnection {
    try await add(
      .open(port: victim.port, tls: victim.tls(protocols), from: source))
  }

  /// A connection whose bytes are all the attacker's own, also where the gateway speaks TLS.
  func connectRaw() async throws -> RawConnection {
    try await add(.open(port: victim.port))
  }

  private func add(_ connection: RawConnection) -> RawConnection {
    connections.withLock { $0.append(connection) }
    return connection
  }

  // MARK: Requests

  /// Sends `text`, and waits for what comes of it until the server ends the connection.
  func requestUntilEnd(_ text: String) async throws -> Answer {
    try await requestUntilEnd(ByteBuffer(string: text))
  }

  func requestUntilEnd(_ bytes: ByteBuffer) async throws -> Answer {
    let connection = try await connect()
    connection.flood(bytes)
    try await connection.waitForEnd()
    return Self.answer(of: connection)
  }

  /// What has come on a connection that the server has ended.
  static func answer(of connection: RawConnection) -> Answer {
    let replies = HTTPReplies(connection.received)
    switch replies.statuses.count {
    case 0: return .disconnected
    case 1: return .rejected(replies.statuses[0])
    default: return .statuses(replies.statuses)
    }
  }

  /// Sends `text`, and waits for `count` responses on a connection that stays.
  func request(_ text: String, responses count: Int = 1) async throws -> Answer {
    let connection = try await connect()
    connection.flood(text)
    return try await responses(on: connection, count)
  }

  func responses(on connection: RawConnection, _ count: Int) async throws -> Answer {
    try await eventually("\(count) responses come") {
      HTTPReplies(connection.received).statuses.count >= count || connection.isClosed
    }
    return .statuses(HTTPReplies(connection.received).statuses)
  }

  // MARK: WebSockets

  /// A WebSocket that is in its group.
  ///
  /// - Parameter target: nil: of a group of its own, so that no others are announced.
  func join(
    _ target: String? = nil, headers: [(String, String)] = []
  ) async throws -> WebSocketTestClient {
    let room = rooms.withLock { number in
      number += 1
      return number
    }
    let client = try await open(target ?? "/ws/room/attackers-\(room)/", headers: headers)
    // The first frame says so; with many members it is compressed for who offered that.
    guard try await client.frame().opcode == 1 else {
      throw NeverTrue(what: "the attacker joins")
    }
    return client
  }

  func open(
    _ target: String, headers: [(String, String)] = []
  ) async throws -> WebSocketTestClient {
    let client = try await WebSocketTestClient.connect(
      port: victim.port, target, headers: headers.map { (name: $0.0, value: $0.1) },
      authority: victim.authorityFile)
    clients.withLock { $0.append(client) }
    return client
  }

  /// The close code of a client that does this.
  func closeCode(
    headers: [(String, String)] = [], after deed: (WebSocketTestClient) async throws -> Void
  ) async throws -> Answer {
    let client = try await join(headers: headers)
    try await deed(client)
    return .closed(try await client.closeCode())
  }

  /// The `error` that a client gets who does this, and that it is still served.
  func refusal(
    headers: [(String, String)] = [], after deed: (WebSocketTestClient) async throws -> Void
  ) async throws -> Answer {
    let client = try await join(headers: headers)
    try await deed(client)
    let error = try await client.message(ofType: "error")
    try await Self.expectService(client)
    return .refused(error.text("code") ?? "")
  }

  /// That a client who does this is still served.
  func service(
    headers: [(String, String)] = [], after deed: (WebSocketTestClient) async throws -> Void
  ) async throws -> Answer {
    let client = try await join(headers: headers)
    try await deed(client)
    try await Self.expectService(client)
    return .served
  }

  static func expectService(_ client: WebSocketTestClient) async throws {
    try await client.send(#"{"type":"ping","ref":"still here"}"#)
    while try await client.message(ofType: "pong").text("ref") != "still here" {}
  }

  /// The next frame that is no text is a pong.
  static func expectPong(_ client: WebSocketTestClient) async throws {
    while true {
      let frame = try await client.frame()
      if frame.opcode == 10 { return }
      // Others come and go.
      guard frame.opcode == 1 else { throw NeverTrue(what: "a pong comes, not \(frame)") }
    }
  }

  /// A frame as a client's, its mask all zeros.
  static func frame(
    _ opcode: UInt8, _ payload: some Collection<UInt8>, isFinal: Bool = true, reserved: UInt8 = 0
  ) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeInteger((isFinal ? 0x80 : 0) | reserved << 4 | opcode)
    switch payload.count {
    case ..<126: buffer.writeInteger(0x80 | UInt8(payload.count))
    case ..<65_536:
      buffer.writeInteger(UInt8(0xfe))
      buffer.writeInteger(UInt16(payload.count))
    default:
      buffer.writeInteger(UInt8(0xff))
      buffer.writeInteger(UInt64(payload.count))
    }
    buffer.writeInteger(UInt32(0))
    buffer.writeBytes(payload)
    return buffer
  }

  static func text(_ text: String) -> ByteBuffer { frame(1, text.utf8) }

  static func repeated(_ bytes: ByteBuffer, _ count: Int) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(bytes.readableBytes * count)
    for _ in 0..<count { buffer.writeImmutableBuffer(bytes) }
    return buffer
  }
}

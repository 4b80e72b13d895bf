internal import Foundation
internal import MartletCore
internal import MartletTLS
package import NIOCore
internal import NIOPosix
internal import Synchronization

/// A WebSocket client that is written apart from the server's code, and can break every rule.
package final class WebSocketTestClient: Sendable {
  /// The server did not upgrade.
  package struct Refused: Error, Equatable {
    package var status: Int
    package var body: String
  }

  /// A frame of the server.
  package struct Frame: Equatable, Sendable {
    package var opcode: UInt8
    /// RSV1 is 4.
    package var reservedBits: UInt8
    package var payload: [UInt8]

    package var text: String { String(decoding: payload, as: UTF8.self) }
  }

  private let channel: any Channel
  private let inbox: FrameInbox

  private init(_ channel: any Channel, _ inbox: FrameInbox) {
    self.channel = channel
    self.inbox = inbox
  }

  /// Connects and upgrades; throws ``Refused`` with the server's answer if it refuses.
  ///
  /// - Parameters:
  ///   - before: a path to GET on the same connection before the upgrade.
  ///   - authority: the file of the authority of the server's certificate; nil: without TLS.
  package static func connect(
    port: Int, _ target: String, headers: [(name: String, value: String)] = [],
    before: String? = nil, authority: String? = nil
  ) async throws -> WebSocketTestClient {
    let inbox = FrameInbox()
    let tls = try authority.map {
      try TLSContext.client(
        TLSClientConfiguration(certificateAuthorityFile: $0, applicationProtocols: ["http/1.1"]))
    }
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls { try pipeline.addHandler(TLSHandler.client(tls, serverName: "localhost")) }
          try pipeline.addHandler(FrameInboxHandler(inbox))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    if let before {
      try await channel.writeAndFlush(
        ByteBuffer(string: "GET \(before) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
      ).get()
      try await eventually("the first request is answered") { inbox.response != nil }
      try await eventually("its body is there") { !inbox.rawText.isEmpty }
      inbox.forget()
    }
    var request = "GET \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    let defaults = [
      (name: "Upgrade", value: "websocket"), (name: "Connection", value: "Upgrade"),
      (name: "Sec-WebSocket-Version", value: "13"),
      (name: "Sec-WebSocket-Key", value: "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    for header in defaults.filter({ pair in !headers.contains { $0.name == pair.name } }) + headers
    {
      request += "\(header.name): \(header.value)\r\n"
    }
    try await channel.writeAndFlush(ByteBuffer(string: request + "\r\n")).get()
    try await eventually("the upgrade is answered") { inbox.response != nil || inbox.isClosed }
    let response = inbox.response ?? ""
    let status = response.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    guard status == 101 else {
      // The body may still be on its way.
      try? await eventually("the body is there", within: .seconds(1)) {
        !inbox.rawText.isEmpty || inbox.isClosed
      }
      try? await channel.close().get()
      throw Refused(status: status, body: inbox.rawText)
    }
    // RFC 6455 §1.3, the example's answer to the example's key.
    let isAccepted = response.lowercased().contains(
      "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=")
    guard isAccepted || headers.contains(where: { $0.name == "Sec-WebSocket-Key" }) else {
      throw NeverTrue(what: "the key is answered")
    }
    return WebSocketTestClient(channel, inbox)
  }

  /// The head of the server's answer to the upgrade.
  package var response: String { inbox.response ?? "" }

  // MARK: Sending

  package func send(_ text: String) async throws {
    try await send(opcode: 1, Array(text.utf8))
  }

  /// Sends one frame, masked unless told otherwise.
  package func send(
    opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, isMasked: Bool = true,
    reservedBits: UInt8 = 0
  ) async throws {
    var buffer = ByteBuffer()
    buffer.writeInteger((isFinal ? 0x80 : 0) | reservedBits << 4 | opcode)
    let maskBit: UInt8 = isMasked ? 0x80 : 0
    switch payload.count {
    case ..<126:
      buffer.writeInteger(maskBit | UInt8(payload.count))
    case ..<65_536:
      buffer.writeInteger(maskBit | 126)
      buffer.writeInteger(UInt16(payload.count))
    default:
      buffer.writeInteger(maskBit | 127)
      buffer.writeInteger(UInt64(payload.count))
    }
    let mask: [UInt8] = [1, 2, 3, 4]
    if isMasked { buffer.writeBytes(mask) }
    buffer.writeBytes(
      payload.enumerated().map { isMasked ? $0.element ^ mask[$0.offset % 4] : $0.element })
    try await send(raw: buffer)
  }

  package func send(raw buffer: ByteBuffer) async throws {
    try await channel.writeAndFlush(buffer).get()
  }

  /// Stops or resumes reading, as a stalled client would. The kernel takes little in its place.
  package func setReading(_ isReading: Bool) async throws {
    if !isReading { try await channel.setOption(.socketOption(.so_rcvbuf), value: 4_096).get() }
    try await channel.setOption(.autoRead, value: isReading).get()
  }

  // MARK: Receiving

  /// The next data or control frame.
  package func frame(within limit: Duration = .seconds(20)) async throws -> Frame {
    var frame: Frame?
    try await eventually("a frame comes", within: limit) {
      frame = inbox.next()
      return frame != nil || inbox.isClosed
    }
    guard let frame else { throw NeverTrue(what: "a frame comes before the connection is closed") }
    return frame
  }

  /// The next text frame as JSON.
  package func message(within limit: Duration = .seconds(20)) async throws -> JSONObject {
    let next = try await frame(within: limit)
    guard next.opcode == 1 else { throw NeverTrue(what: "a text frame comes, not \(next)") }
    return try JSONObject(next.text)
  }

  /// The next message of `type`; others are dropped.
  package func message(
    ofType type: String, within limit: Duration = .seconds(20)
  ) async throws -> JSONObject {
    while true {
      let next = try await frame(within: limit)
      // A compressed one would have to be read by who offered that.
      guard next.opcode == 1, next.reservedBits == 0 else { continue }
      let object = try JSONObject(next.text)
      if object["type"] == .string(type) { return object }
    }
  }

  /// The code of the close frame; frames before it are dropped. Nil if there was none.
  package func closeCode(within limit: Duration = .seconds(20)) async throws -> Int? {
    var last: Frame?
    try await eventually("the server closes", within: limit) {
      while let frame = inbox.next() {
        last = frame
        if frame.opcode == 8 { return true }
      }
      return inbox.isClosed
    }
    guard let last, last.opcode == 8, last.payload.count >= 2 else { return nil }
    return Int(last.payload[0]) << 8 | Int(last.payload[1])
  }

  /// Whether the server has ended the TCP connection.
  package var isClosed: Bool { inbox.isClosed }

  /// Ends the connection, with a close frame.
  package func close() async throws {
    try await send(opcode: 8, [3, 232])
    try await eventually("the server closes the connection") { inbox.isClosed }
  }

  /// Ends the connection as a dead client would.
  package func abort() async {
    try? await channel.close().get()
  }
}

/// What has come from the server. Any thread.
final class FrameInbox: Sendable {
  private struct State {
    var response: String?
    var bytes = ByteBuffer()
    var frames: [WebSocketTestClient.Frame] = []
    var isClosed = false
  }

  private let state = Mutex(State())

  var response: String? { state.withLock { $0.response } }
  var isClosed: Bool { state.withLock { $0.isClosed } }
  var rawText: String { state.withLock { String(buffer: $0.bytes) } }

  func next() -> WebSocketTestClient.Frame? {
    state.withLock { $0.frames.isEmpty ? nil : $0.frames.removeFirst() }
  }

  /// Waits for another response.
  func forget() {
    state.withLock { $0 = State() }
  }

  func closed() {
    state.withLock { $0.isClosed = true }
  }

  func received(_ buffer: ByteBuffer) {
    state.withLock { state in
      state.bytes.writeImmutableBuffer(buffer)
      if state.response == nil {
        let text = String(buffer: state.bytes)
        guard let end = text.range(of: "\r\n\r\n") else { return }
        let head = String(text[..<end.upperBound])
        state.response = head
        state.bytes.moveReaderIndex(forwardBy: head.utf8.count)
      }
      guard state.response?.hasPrefix("HTTP/1.1 101") == true else { return }
      while let frame = Self.frame(&state.bytes) { state.frames.append(frame) }
    }
  }

  private static func frame(_ bytes: inout ByteBuffer) -> WebSocketTestClient.Frame? {
    var rest = bytes
    guard let first = rest.readInteger(as: UInt8.self),
      let short = rest.readInteger(as: UInt8.self)
    else { return nil }
    let length: Int?
    switch short {
    case 126: length = rest.readInteger(as: UInt16.self).map { Int($0) }
    case 127: length = rest.readInteger(as: UInt64.self).map { Int($0) }
    default: length = Int(short)
    }
    guard let length, let payload = rest.readBytes(length: length) else { return nil }
    bytes = rest
    return WebSocketTestClient.Frame(
      opcode: first & 0x0f, reservedBits: first >> 4 & 0x7, payload: payload)
  }
}

private final class FrameInboxHandler: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer

  private let inbox: FrameInbox

  init(_ inbox: FrameInbox) {
    self.inbox = inbox
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    inbox.received(unwrapInboundIn(data))
  }

  func channelInactive(context: ChannelHandlerContext) {
    inbox.closed()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

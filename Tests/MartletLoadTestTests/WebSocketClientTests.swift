import NIOCore
import NIOEmbedded
import Testing

@testable import MartletLoadTest

@Suite struct UpgradeHandshakeTests {
  /// The key of RFC 6455 §1.3's example: base64 of "the sample nonce".
  private let handshake = UpgradeHandshake(nonce: Array("the sample nonce".utf8))
  private let accepted = [
    "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  ]

  private func verify(_ lines: [String]) throws(UpgradeHandshake.Refusal) {
    try handshake.verify(lines.joined(separator: "\r\n"))
  }

  @Test func `The example of RFC 6455 §1.3 is accepted`() throws {
    #expect(
      handshake.request(authority: "a:1", path: "/x", token: nil)
        .contains("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))
    try verify(accepted)
  }

  @Test func `A token goes into the Authorization header`() {
    let request = handshake.request(authority: "a:1", path: "/x", token: "t")
    #expect(request.contains("\r\nAuthorization: Bearer t\r\n"))
    #expect(request.hasPrefix("GET /x HTTP/1.1\r\nHost: a:1\r\n"))
    #expect(request.hasSuffix("\r\n\r\n"))
  }

  @Test(arguments: 0..<4)
  func `Each line of the answer is needed`(missing: Int) {
    var lines = accepted
    lines.remove(at: missing)
    #expect(throws: UpgradeHandshake.Refusal.self) { try verify(lines) }
  }

  @Test func `Wrong answers are refused, and a status is reported`() {
    let wrongAccept = accepted.dropLast() + ["Sec-WebSocket-Accept: AAAA"]
    #expect(throws: UpgradeHandshake.Refusal.self) { try verify(Array(wrongAccept)) }
    // §4.1: no extension was offered.
    #expect(throws: UpgradeHandshake.Refusal.self) {
      try verify(accepted + ["Sec-WebSocket-Extensions: permessage-deflate"])
    }
    let error = #expect(throws: UpgradeHandshake.Refusal.self) {
      try verify(["HTTP/1.1 404 Not Found"])
    }
    #expect(error?.label == "http_404")
    #expect(error?.message == "HTTP 404 Not Found")
  }
}

@Suite struct WebSocketClientHandlerTests {
  @Test func `Many messages of one read arrive in order, wherever reads are cut`() throws {
    let frames =
      frame(0x1, "one") + frame(0x1, String(repeating: "b", count: 126)) + frame(0x9, "p")
      + frame(0x1, String(repeating: "c", count: 70_000)) + frame(0x1, "")
    for step in [1, 2, 3, 7, 1000, frames.count] {
      let (channel, log) = try open()
      var rest = frames[...]
      while !rest.isEmpty {
        try channel.writeInbound(ByteBuffer(bytes: rest.prefix(step)))
        rest = rest.dropFirst(step)
      }
      #expect(log.messages.map(\.count) == [3, 126, 70_000, 0])
      #expect(log.messages.first == "one")
      // §5.5.3: the pong repeats the ping's data.
      #expect(try sent(channel) == [Sent(opcode: 0xA, payload: Array("p".utf8))])
      #expect(log.ends == [])
    }
  }

  @Test func `Fragments are put together, with control frames between them`() throws {
    let (channel, log) = try open()
    try channel.writeInbound(
      ByteBuffer(
        bytes: frame(0x1, "ab", isFinal: false) + frame(0x9, "") + frame(0x0, "cd", isFinal: false)
          + frame(0x0, "") + frame(0x1, "next")))
    #expect(log.messages == ["abcd", "next"])
  }

  @Test func `Sent messages are masked frames of every length form`() throws {
    for count in [0, 125, 126, 0xFFFF, 0x10000] {
      let (channel, _) = try open()
      let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      try channel.writeOutbound(ByteBuffer(bytes: payload))
      #expect(try sent(channel) == [Sent(opcode: 0x1, payload: payload)])
    }
  }

  @Test func `A close frame is answered with its code and reported with its reason`() throws {
    let (channel, log) = try open()
    try channel.writeInbound(ByteBuffer(bytes: frame(0x8, "\u{3}\u{e8}bye") + frame(0x1, "late")))
    #expect(log.ends == [.closed(code: 1000, reason: "bye")])
    #expect(log.messages == [])
    #expect(try sent(channel) == [Sent(opcode: 0x8, payload: [3, 0xE8])])
    #expect(channel.isActive)
    channel.embeddedEventLoop.advanceTime(by: WebSocketClientHandler.closingTimeout)
    #expect(!channel.isActive)
    #expect(log.ends.count == 1)
  }

  @Test func `A close frame without a code counts as 1005`() throws {
    let (channel, log) = try open()
    try channel.writeInbound(ByteBuffer(bytes: frame(0x8, "")))
    #expect(log.ends == [.closed(code: 1005, reason: "")])
    #expect(try sent(channel) == [Sent(opcode: 0x8, payload: [])])
  }

  @Test func `Closing sends a close frame first`() throws {
    let (channel, log) = try open()
    channel.close(promise: nil)
    #expect(try sent(channel) == [Sent(opcode: 0x8, payload: [3, 0xE8])])
    #expect(log.ends.count == 1)
  }

  @Test func `A connection that ends without a close frame is lost`() throws {
    let (channel, log) = try open()
    channel.pipeline.fireChannelInactive()
    #expect(log.ends.map(\.label) == ["lost"])
  }

  @Test(arguments: [
    [0x81, 0x80, 0, 0, 0, 0],  // §5.1: masked by a server
    [0xC1, 0x00],  // §5.2: a reserved bit
    [0x83, 0x00],  // §5.2: a reserved opcode
    [0x09, 0x00],  // §5.5: a fragmented control frame
    [0x89, 0x7E, 0, 126],  // §5.5: a long control frame
    [0x81, 0x7E, 0, 125],  // §5.2: not the shortest form
    [0x81, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
    [0x80, 0x00],  // §5.4: a continuation of nothing
    [0x01, 0x00, 0x81, 0x00],  // §5.4: a message inside of a message
    [0x81, 0x7F, 0, 0, 0, 0, 2, 0, 0, 0],  // larger than 16 MiB
  ])
  func `A violation of RFC 6455 fails the connection`(bytes: [UInt8]) throws {
    let (channel, log) = try open()
    try channel.writeInbound(ByteBuffer(bytes: bytes))
    #expect(log.ends.map(\.label) == ["protocol_violation"])
    let code: [UInt8] = bytes.count == 10 && bytes[6] == 2 ? [3, 0xF1] : [3, 0xEA]
    #expect(try sent(channel) == [Sent(opcode: 0x8, payload: code)])
  }

  @Test func `A refused upgrade is reported with its status`() throws {
    let log = Log()
    let channel = try connect(log)
    try channel.writeInbound(ByteBuffer(string: "HTTP/1.1 503 Service Unavailable\r\n\r\n"))
    #expect(log.ends.map(\.label) == ["http_503"])
    #expect(!log.isOpen)
  }

  @Test func `An endless response head is refused`() throws {
    let log = Log()
    let channel = try connect(log)
    try channel.writeInbound(ByteBuffer(repeating: 0x20, count: UpgradeHandshake.largestHead + 1))
    #expect(log.ends.map(\.label) == ["bad_upgrade"])
  }

  // MARK: Helpers

  private struct Sent: Equatable {
    var opcode: UInt8
    var payload: [UInt8]
  }

  private final class Log: WebSocketClientDelegate {
    var isOpen = false
    var messages: [String] = []
    var ends: [ConnectionEnd] = []

    func webSocketDidOpen() { isOpen = true }
    func webSocketDidReceive(_ text: Span<UInt8>, now: UInt64) {
      var bytes: [UInt8] = []
      for index in text.indices { bytes.append(text[index]) }
      messages.append(String(decoding: bytes, as: UTF8.self))
    }
    func webSocketDidEnd(_ end: ConnectionEnd) { ends.append(end) }
  }

  private let handshake = UpgradeHandshake(nonce: Array("the sample nonce".utf8))

  private func connect(_ log: Log) throws -> EmbeddedChannel {
    let handler = WebSocketClientHandler(handshake: handshake, request: "GET", delegate: log)
    let channel = EmbeddedChannel(handler: handler)
    channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "GET"))
    return channel
  }

  private func open() throws -> (EmbeddedChannel, Log) {
    let log = Log()
    let channel = try connect(log)
    try channel.writeInbound(
      ByteBuffer(
        string: """
          HTTP/1.1 101 Switching Protocols\r
          upgrade: WebSocket\r
          connection: upgrade\r
          sec-websocket-accept: \(handshake.expectedAccept)\r
          \r

          """))
    #expect(log.isOpen)
    return (channel, log)
  }

  private func frame(_ opcode: UInt8, _ text: String, isFinal: Bool = true) -> [UInt8] {
    // Latin-1 rather than UTF-8: a character is a byte.
    let payload = text.unicodeScalars.map { UInt8($0.value) }
    let head = [opcode | (isFinal ? 0x80 : 0)]
    switch payload.count {
    case ...125: return head + [UInt8(payload.count)] + payload
    case ...0xFFFF:
      return head + [126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)] + payload
    default:
      return head + [127] + (0..<8).reversed().map { UInt8(payload.count >> ($0 * 8) & 0xFF) }
        + payload
    }
  }

  /// Everything sent so far, decoded on its own terms.
  private func sent(_ channel: EmbeddedChannel) throws -> [Sent] {
    var bytes: [UInt8] = []
    while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
      bytes += Array(buffer.readableBytesView)
    }
    var result: [Sent] = []
    while bytes.count >= 2 {
      try #require(bytes[0] & 0x80 != 0 && bytes[1] & 0x80 != 0)
      var length = Int(bytes[1] & 0x7F)
      var header = 2
      if length >= 126 {
        let width = length == 126 ? 2 : 8
        length = bytes[2..<(2 + width)].reduce(0) { $0 << 8 | Int($1) }
        header += width
      }
      let key = Array(bytes[header..<(header + 4)])
      let payload = bytes[(header + 4)..<(header + 4 + length)].enumerated()
        .map { $0.element ^ key[$0.offset % 4] }
      result.append(Sent(opcode: bytes[0] & 0x0F, payload: payload))
      bytes.removeFirst(header + 4 + length)
    }
    #expect(bytes.isEmpty)
    return result
  }
}

import MartletWebSocket
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletLoadTest

/// The client's half of RFC 6455, on a stream that the test plays.
@Suite struct WebSocketTransportTests {
  @Test func `Many messages of one read arrive in order, wherever reads are cut`() throws {
    let frames =
      frame(0x1, "one") + frame(0x1, String(repeating: "b", count: 126)) + frame(0x9, "p")
      + frame(0x1, String(repeating: "c", count: 70_000)) + frame(0x1, "")
    for step in [1, 2, 3, 7, 1000, frames.count] {
      let world = World.open()
      var rest = frames[...]
      while !rest.isEmpty {
        world.receive(rest.prefix(step))
        rest = rest.dropFirst(step)
      }
      #expect(world.log.messages.map(\.count) == [3, 126, 70_000, 0])
      #expect(world.log.messages.first == "one")
      // §5.5.3: the pong repeats the ping's data.
      #expect(try world.sent() == [Sent(opcode: 0xA, payload: Array("p".utf8))])
      #expect(world.log.ends == [])
    }
  }

  @Test func `Messages that come with the response head are read`() throws {
    let world = World()
    world.transport.streamDidConnect()
    let head = try world.acceptance()
    world.receive(Array(head.utf8) + frame(0x1, "first"))
    #expect(world.log.isOpen)
    #expect(world.log.messages == ["first"])
  }

  @Test func `A response head may come byte by byte`() throws {
    let world = World()
    world.transport.streamDidConnect()
    for byte in Array(try world.acceptance().utf8) + frame(0x1, "x") { world.receive([byte]) }
    #expect(world.log.messages == ["x"])
  }

  @Test func `Fragments are put together, with control frames between them`() {
    let world = World.open()
    world.receive(
      frame(0x1, "ab", isFinal: false) + frame(0x9, "") + frame(0x0, "cd", isFinal: false)
        + frame(0x0, "") + frame(0x1, "next"))
    #expect(world.log.messages == ["abcd", "next"])
  }

  @Test func `Sent messages are masked frames of every length form`() throws {
    for count in [0, 125, 126, 0xFFFF, 0x10000] {
      let world = World.open()
      let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      world.transport.send(ByteBuffer(bytes: payload), sequence: nil)
      world.transport.flush()
      #expect(try world.sent() == [Sent(opcode: 0x1, payload: payload)])
    }
  }

  @Test func `No two frames have the same key`() throws {
    let world = World.open()
    for _ in 0..<100 { world.transport.send(ByteBuffer(string: ""), sequence: nil) }
    // Head, length and key: 6 bytes each.
    let keys = stride(from: 0, to: 600, by: 6).map { Array(world.stream.bytes[$0 + 2..<$0 + 6]) }
    #expect(Set(keys).count == 100)
  }

  @Test func `A close frame is answered with its code and reported with its reason`() throws {
    let world = World.open()
    world.receive(frame(0x8, "\u{3}\u{e8}bye") + frame(0x1, "late"))
    #expect(world.log.ends == [.closed(code: 1000, reason: "bye")])
    #expect(world.log.messages == [])
    #expect(try world.sent() == [Sent(opcode: 0x8, payload: [3, 0xE8])])
    #expect(!world.stream.isAborted)
    world.loop.advanceTime(by: WebSocketTransport.closingTimeout)
    #expect(world.stream.isAborted)
    #expect(world.log.ends.count == 1)
  }

  @Test func `A close frame without a code counts as 1005`() throws {
    let world = World.open()
    world.receive(frame(0x8, ""))
    #expect(world.log.ends == [.closed(code: 1005, reason: "")])
    #expect(try world.sent() == [Sent(opcode: 0x8, payload: [])])
  }

  @Test func `Closing sends a close frame, and waits for the server's end without telling`() throws
  {
    let world = World.open()
    world.transport.setReading(.paused)
    world.transport.close()
    #expect(try world.sent() == [Sent(opcode: 0x8, payload: [3, 0xE8])])
    // Or the end would go unnoticed.
    #expect(world.stream.reading == .atOnce)
    world.receive(frame(0x1, "late") + frame(0x8, "\u{3}\u{e8}"))
    #expect(!world.stream.isAborted)
    world.transport.streamDidEnd(.lost(""))
    #expect(world.stream.isAborted)
    #expect(world.log.messages == [] && world.log.ends == [])
  }

  @Test func `A crash sends nothing`() {
    let world = World.open()
    world.transport.abort()
    #expect(world.stream.isAborted && world.stream.bytes.isEmpty)
    #expect(world.log.ends == [])
  }

  @Test func `A delegate may close the connection while it handles a message`() {
    let world = World.open()
    world.log.onMessage = { world.transport.abort() }
    world.receive(frame(0x1, "one") + frame(0x1, "two"))
    #expect(world.log.messages == ["one"])
  }

  @Test func `A connection that ends without a close frame is lost`() {
    let world = World.open()
    world.receive(frame(0x1, "half").dropLast())
    world.transport.streamDidEnd(.lost("reset"))
    #expect(world.log.ends == [.lost("the connection ended without a close frame")])
    #expect(world.log.messages == [])
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
    [0x81, 0x01, 0xFF],  // §8.1: no UTF-8
    [0x01, 0x01, 0xC3, 0x80, 0x01, 0x28],  // §8.1: no UTF-8 over two frames
  ])
  func `A violation of RFC 6455 fails the connection`(bytes: [UInt8]) throws {
    let world = World.open()
    world.receive(frame(0x1, "before") + bytes)
    #expect(world.log.messages == ["before"])
    #expect(world.log.ends.map(\.label) == ["protocol_violation"])
    let code: [UInt8] =
      if bytes.count == 10 && bytes[6] == 2 {
        [3, 0xF1]
      } else if bytes.contains(0xFF)
        && bytes.count == 3 || bytes.contains(0xC3)
      { [3, 0xEF] } else { [3, 0xEA] }
    #expect(try world.sent() == [Sent(opcode: 0x8, payload: code)])
    #expect(world.stream.isEnded)
  }

  @Test func `A refused upgrade is reported with its status`() {
    let world = World()
    world.transport.streamDidConnect()
    world.receive(Array("HTTP/1.1 503 Service Unavailable\r\n\r\n".utf8))
    #expect(world.log.ends.map(\.label) == ["http_503"])
    #expect(!world.log.isOpen && world.stream.isAborted)
  }

  @Test func `An endless response head is refused`() {
    let world = World()
    world.transport.streamDidConnect()
    world.receive([UInt8](repeating: 0x20, count: UpgradeHandshake.largestHead + 1))
    #expect(world.log.ends.map(\.label) == ["bad_upgrade"])
  }

  @Test func `Compressed messages are read and sent as agreed`() throws {
    let world = World(isCompressed: true)
    world.transport.streamDidConnect()
    let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    world.receive(Array(try world.acceptance(extensions: answer).utf8))
    try #require(world.log.isOpen)
    world.stream.bytes = []
    let text = String(repeating: "compress me ", count: 100)
    let compressor = DeflateCompressor(.init(), keepsContext: false)
    for _ in 0..<2 {
      world.receive(Array(compressor.frame(.text, ByteBuffer(string: text)).readableBytesView))
    }
    #expect(world.log.messages == [text, text])
    world.transport.send(ByteBuffer(string: text), sequence: nil)
    #expect(world.stream.bytes[0] == 0xC1)
    #expect(world.stream.bytes.count < text.utf8.count / 4)
  }

  @Test func `Over HTTP/2 a refusal has its status, and extensions are checked`() {
    let refused = World()
    refused.transport.responseDidBegin(status: 403, [:])
    #expect(refused.log.ends.map(\.label) == ["http_403"])
    let wrong = World()
    wrong.transport.responseDidBegin(
      status: 200, ["sec-websocket-extensions": "permessage-deflate"])
    #expect(wrong.log.ends.map(\.label) == ["bad_upgrade"])
  }

  // MARK: Helpers

  struct Sent: Equatable {
    var opcode: UInt8
    var payload: [UInt8]
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
}

extension WebSocketTransportTests {
  final class Stream: ClientByteStream {
    var bytes: [UInt8] = []
    var reading = Reading.atOnce
    var isEnded = false
    var isAborted = false

    func write(_ bytes: ByteBuffer) { self.bytes += Array(bytes.readableBytesView) }
    func flush() {}
    func setReading(_ reading: Reading) { self.reading = reading }
    func read() {}
    func end() { isEnded = true }
    func abort() { isAborted = true }
  }

  final class Log: ClientTransportDelegate {
    var isOpen = false
    var messages: [String] = []
    var ends: [ConnectionEnd] = []
    var onMessage = {}

    func transportDidOpen() { isOpen = true }
    func transportDidReceive(_ text: Span<UInt8>, now: UInt64) {
      messages.append(String(decoding: text.indices.map { text[$0] }, as: UTF8.self))
      onMessage()
    }
    func transportDidEnd(_ end: ConnectionEnd) { ends.append(end) }
  }

  final class World {
    let loop = EmbeddedEventLoop()
    let stream = Stream()
    let log = Log()
    let transport: WebSocketTransport

    init(isCompressed: Bool = false) {
      guard let address = try? SocketAddress(ipAddress: "127.0.0.1", port: 1) else {
        preconditionFailure("this is an address")
      }
      var dial = Dial(
        target: 0, server: Target(host: "a", port: 1), address: address, path: "/x",
        transport: .webSocket)
      dial.isCompressed = isCompressed
      transport = WebSocketTransport(
        dial, eventLoop: loop, keys: MaskKeys(), compressors: CompressorPool(), delegate: log)
      transport.attach(stream)
    }

    /// Behind the handshake, of which nothing is left in ``stream``.
    static func open() -> World {
      let world = World()
      world.transport.responseDidBegin(status: 200, [:])
      precondition(world.log.isOpen)
      return world
    }

    func receive(_ bytes: some Sequence<UInt8>) {
      transport.streamDidReceive(ByteBuffer(bytes: bytes))
    }

    /// The head by which a server accepts the request that was sent.
    func acceptance(extensions: String? = nil) throws -> String {
      let request = String(decoding: stream.bytes, as: UTF8.self)
      let line = try #require(
        request.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") })
      let key = String(line.dropFirst("Sec-WebSocket-Key: ".count))
      let extensions = extensions.map { "Sec-WebSocket-Extensions: \($0)\r\n" } ?? ""
      return
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nconnection: upgrade\r\n"
        + "\(extensions)sec-websocket-accept: \(UpgradeHandshake.accept(key))\r\n\r\n"
    }

    /// Everything sent so far, decoded on its own terms.
    func sent() throws -> [Sent] {
      var bytes = stream.bytes[...]
      var result: [Sent] = []
      while bytes.count >= 2 {
        let start = bytes.startIndex
        try #require(bytes[start] & 0x80 != 0 && bytes[start + 1] & 0x80 != 0)
        var length = Int(bytes[start + 1] & 0x7F)
        var header = 2
        if length >= 126 {
          let width = length == 126 ? 2 : 8
          length = bytes[start + 2..<start + 2 + width].reduce(0) { $0 << 8 | Int($1) }
          header += width
        }
        let key = Array(bytes[start + header..<start + header + 4])
        let payload = bytes[start + header + 4..<start + header + 4 + length].enumerated()
          .map { $0.element ^ key[$0.offset % 4] }
        result.append(Sent(opcode: bytes[start] & 0x0F, payload: payload))
        bytes = bytes.dropFirst(header + 4 + length)
      }
      #expect(bytes.isEmpty)
      return result
    }
  }
}

import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletHTTP2

/// RFC 9113 §10.5: what a peer may not do too often.
@Suite struct FloodTests {
  /// Limits small enough to be reached in a few frames; as many of the others as needed.
  private static var small: HTTP2Configuration {
    var configuration = HTTP2Configuration()
    configuration.resets = HTTP2Configuration.Rate(burst: 10, perSecond: 2)
    configuration.overhead = HTTP2Configuration.Rate(burst: 50, perSecond: 10)
    return configuration
  }

  private func expectCalm(
    _ server: EmbeddedServer, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let code = try server.goAwayCode()
    #expect(code == .enhanceYourCalm, comment, sourceLocation: sourceLocation)
    #expect(!server.channel.isActive, comment, sourceLocation: sourceLocation)
    for recorder in server.recorders {
      #expect(recorder.closures.count == 1, comment, sourceLocation: sourceLocation)
    }
  }

  @Test func `Streams opened and reset at once end the connection`() throws {
    let server = try EmbeddedServer(Self.small)
    for id in 0..<10 {
      try server.send(
        .headers(Int32(2 * id + 1), EmbeddedServer.request), .reset(Int32(2 * id + 1)))
    }
    #expect(try server.goAwayCode() == nil)
    #expect(server.recorders.allSatisfy { $0.closures == [.resetByPeer(.cancel)] })
    try server.send(.headers(21, EmbeddedServer.request), .reset(21))
    try expectCalm(server)
  }

  @Test func `Resets at a moderate rate are fine`() throws {
    let server = try EmbeddedServer(Self.small)
    for id in 0..<100 {
      try server.send(
        .headers(Int32(2 * id + 1), EmbeddedServer.request), .reset(Int32(2 * id + 1)))
      server.loop.advanceTime(by: .milliseconds(500))
    }
    #expect(try server.goAwayCode() == nil && server.channel.isActive)
  }

  @Test func `Streams that the peer makes this side reset count as well`() throws {
    let server = try EmbeddedServer(Self.small)
    for id in 0..<11 {
      let id = Int32(2 * id + 1)
      // A stream's window beyond 2^31 is an error of the stream (RFC 9113 §6.9.1).
      try server.send(.headers(id, EmbeddedServer.post), .windowUpdate(id, 0x7fff_ffff))
    }
    try expectCalm(server)
  }

  @Test func `Malformed requests count as well`() throws {
    let server = try EmbeddedServer(Self.small)
    for id in 0..<11 {
      try server.send(.headers(Int32(2 * id + 1), [(":method", "GET")]))
    }
    try expectCalm(server)
  }

  @Test func `Resets by the streams' owners do not count`() throws {
    let server = try EmbeddedServer(Self.small)
    server.onAccept = { stream, _ in stream.reset() }
    for id in 0..<50 { try server.send(.headers(Int32(2 * id + 1), EmbeddedServer.post)) }
    #expect(try server.goAwayCode() == nil && server.channel.isActive)
    #expect(server.recorders.allSatisfy { $0.closures == [.resetHere(.cancel)] })
  }

  static let empty: [(String, Frame)] = [
    ("PING", .ping()), ("SETTINGS", .settings()), ("DATA", .data(1)),
    ("padded DATA", Frame(kind: 0, flags: 8, stream: 1, payload: ByteBuffer(bytes: [2, 0, 0]))),
    ("WINDOW_UPDATE", .windowUpdate(1, 1)), ("WINDOW_UPDATE of all", .windowUpdate(0, 1)),
  ]

  @Test(arguments: empty.indices)
  func `Frames that carry nothing end the connection`(index: Int) throws {
    let (name, frame) = Self.empty[index]
    let server = try EmbeddedServer(Self.small)
    try server.send(.headers(1, EmbeddedServer.post))
    // SETTINGS and its acknowledgement have come before.
    for _ in 0..<48 { try server.send(frame) }
    #expect(try server.goAwayCode() == nil, "\(name)")
    try server.send(frame)
    try expectCalm(server, "\(name)")
  }

  @Test func `Windows that grow because of what was sent are no flood`() throws {
    let server = try EmbeddedServer(Self.small)
    server.onAccept = { stream, _ in stream.respond(status: .ok) }
    try server.send(.headers(1, EmbeddedServer.webSocket))
    for _ in 0..<200 {
      server.streams[0].write(ByteBuffer(string: "a"))
      _ = try server.received()
      try server.send(.windowUpdate(1, 1), .windowUpdate(0, 1))
    }
    #expect(server.channel.isActive)
  }

  @Test func `Answers that a peer does not read are bounded`() throws {
    var configuration = HTTP2Configuration()
    configuration.overhead = HTTP2Configuration.Rate(burst: 100_000, perSecond: 1)
    configuration.maximumUnwrittenBytes = 16_384
    configuration.maximumQueuedAcknowledgements = 100
    let server = try EmbeddedServer(configuration)
    server.gate.isOpen = false
    var count = 0
    while server.handler.connection.phase == .open, count < 5_000 {
      try server.send(.ping())
      count += 1
    }
    // 17 bytes each until the channel is full, then the queue.
    #expect((1_000...1_100).contains(count) && server.gate.held < 17_000)
  }

  @Test func `A header block in too many frames ends the connection`() throws {
    let server = try EmbeddedServer()
    try server.send(.headers(1, block: ByteBuffer(), endHeaders: false))
    for _ in 0..<9 { try server.send(Frame(kind: 9, stream: 1)) }
    try expectCalm(server)
    #expect(server.heads.isEmpty)
  }

  @Test func `A small block that unpacks to a huge list ends the connection`() throws {
    let server = try EmbeddedServer()
    var block = ByteBuffer()
    for (name, value) in EmbeddedServer.post { block.writeField(name, value) }
    block.writeField("a", String(repeating: "x", count: 3_900), isIndexed: true)
    // The newest entry of the table, by one byte (RFC 7541 §6.1).
    block.writeRepeatingByte(0x80 | 62, count: 8_000)
    try server.send(.headers(1, block: block))
    try expectCalm(server)
    #expect(server.heads.isEmpty)
  }

  @Test func `More streams than allowed are the peer's error`() throws {
    var configuration = HTTP2Configuration()
    configuration.maximumConcurrentStreams = 3
    let server = try EmbeddedServer(configuration)
    for id in 0..<4 { try server.send(.headers(Int32(2 * id + 1), EmbeddedServer.post)) }
    #expect(try server.goAwayCode() == .protocolError)
    #expect(server.heads.count == 3 && !server.channel.isActive)
    #expect(
      server.recorders.allSatisfy { $0.closures == [.connectionClosed(.protocolError)] })
  }

  @Test func `Streams above the limit that the peer may not know yet are refused`() throws {
    var configuration = HTTP2Configuration()
    configuration.maximumConcurrentStreams = 1
    let server = try EmbeddedServer(configuration, sendsPreface: false)
    try server.send(bytes: Frame.preface)
    try server.send(
      .settings(), .headers(1, EmbeddedServer.post), .headers(3, EmbeddedServer.post))
    let resets = try server.received(.reset)
    #expect(resets.map(\.stream) == [3])
    #expect(resets.map(\.number) == [HTTP2ErrorCode.refusedStream.rawValue])
    #expect(server.heads.count == 1 && server.channel.isActive)
  }

  static let broken: [(String, Frame, HTTP2ErrorCode)] = [
    ("DATA of the connection", .data(0, "a"), .protocolError),
    ("DATA of an idle stream", .data(9, "a"), .protocolError),
    ("a reset of an idle stream", .reset(9), .protocolError),
    ("SETTINGS of a stream", Frame(kind: 4, stream: 1), .protocolError),
    (
      "a PING of 7 bytes", Frame(kind: 6, payload: ByteBuffer(bytes: [1, 2, 3, 4, 5, 6, 7])),
      .frameSizeError
    ),
    (
      "a frame that is too large", .data(1, ByteBuffer(repeating: 7, count: 16_385)),
      .frameSizeError
    ),
    (
      "an index beyond the table", .headers(3, block: ByteBuffer(bytes: [0xff, 0x7f])),
      .compressionError
    ),
    ("a request with an even number", .headers(2, EmbeddedServer.request), .protocolError),
    (
      "a push", Frame(kind: 5, flags: 4, stream: 1, payload: ByteBuffer(integer: UInt32(2))),
      .protocolError
    ),
    ("a connection's window that grows by nothing", .windowUpdate(0, 0), .protocolError),
    ("a connection's window beyond 2^31", .windowUpdate(0, 0x7fff_ffff), .flowControlError),
    ("a CONTINUATION of nothing", Frame(kind: 9, flags: 4, stream: 1), .protocolError),
    ("a window above 2^31", .settings([(4, 0x8000_0000)]), .flowControlError),
  ]

  @Test(arguments: broken.indices)
  func `A connection error is answered with its code`(index: Int) throws {
    let (name, frame, code) = Self.broken[index]
    let server = try EmbeddedServer()
    try server.send(.headers(1, EmbeddedServer.post))
    try server.send(frame)
    #expect(try server.goAwayCode() == code, "\(name)")
    #expect(!server.channel.isActive, "\(name)")
    #expect(server.recorders[0].closures == [.connectionClosed(code)], "\(name)")
    // What comes after is not looked at.
    try? server.send(frame)
  }

  @Test func `What is no HTTP2 is answered and closed`() throws {
    let server = try EmbeddedServer(sendsPreface: false)
    try server.send(bytes: ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    #expect(try server.goAwayCode() == .protocolError)
    #expect(!server.channel.isActive)
  }

  @Test func `Frames of unknown types and old priorities are ignored`() throws {
    let server = try EmbeddedServer()
    try server.send(Frame(kind: 2, stream: 1, payload: ByteBuffer(bytes: [0, 0, 0, 0, 16])))
    try server.send(
      Frame(kind: 0xba, flags: 0xff, stream: 7, payload: ByteBuffer(string: "grease")))
    try server.send(.headers(1, EmbeddedServer.request, endStream: true))
    #expect(server.heads.count == 1)
  }
}

import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletHTTP2

/// The server's side, frame by frame.
@Suite struct RequestTests {
  @Test func `The server begins with its settings and the connection's window`() throws {
    let server = try EmbeddedServer(sendsPreface: false)
    let frames = try server.received()
    #expect(frames.map(\.type) == [.settings, .windowUpdate])
    var settings: [UInt16: UInt32] = [:]
    var payload = frames[0].payload
    while let id: UInt16 = payload.readInteger(), let value: UInt32 = payload.readInteger() {
      settings[id] = value
    }
    // RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1.
    #expect(settings == [3: 128, 4: 65_535, 5: 16_384, 6: 32_768, 8: 1, 9: 1])
    #expect(frames[1].stream == 0 && frames[1].number == 1_048_576 - 65_535)
  }

  @Test func `A request is told with its head, and answered`() throws {
    let server = try EmbeddedServer()
    server.onAccept = { stream, _ in
      stream.respond(status: .ok, headers: ["Content-Type": "text/plain"])
      stream.write(ByteBuffer(string: "hello"))
      stream.end()
    }
    _ = try server.received()
    let flushes = server.gate.flushes
    try server.send(.headers(1, EmbeddedServer.request + [("accept", "*/*")], endStream: true))
    #expect(
      server.heads == [
        HTTP2RequestHead(
          method: .GET, scheme: "http", authority: "example.org", path: "/",
          headers: ["accept": "*/*"], endStream: true)
      ])
    #expect(server.recorders[0].hasEnd)
    let frames = try server.received()
    #expect(frames.map(\.type) == [.headers, .data])
    #expect(frames[1].text == "hello" && frames[1].endsStream)
    #expect(server.gate.flushes == flushes + 1)
    #expect(server.recorders[0].closures == [.finished])
    #expect(!server.streams[0].isOpen && server.handler.streamCount == 0)
  }

  @Test func `Bytes that another handler has kept are answered without a further read`() throws {
    let server = try EmbeddedServer()
    server.onAccept = { stream, _ in stream.respond(status: .ok, endStream: true) }
    _ = try server.received()
    let request = Frame.headers(1, EmbeddedServer.request, endStream: true)
    server.channel.pipeline.fireChannelRead(request.bytes)
    #expect(try server.received().map(\.type) == [.headers])
  }

  @Test func `A body arrives, and its end`() throws {
    let server = try EmbeddedServer()
    try server.send(.headers(1, EmbeddedServer.post))
    try server.send(.data(1, "one "), .data(1, "two", endStream: true))
    #expect(server.recorders[0].text == "one two" && server.recorders[0].hasEnd)
    #expect(server.recorders[0].closures.isEmpty && server.streams[0].isOpen)
  }

  @Test func `Trailers end a request`() throws {
    let server = try EmbeddedServer()
    try server.send(
      .headers(1, EmbeddedServer.post), .data(1, "body"),
      .headers(1, [("checksum", "1")], endStream: true))
    #expect(server.recorders[0].text == "body" && server.recorders[0].hasEnd)
    #expect(server.heads.count == 1)
  }

  @Test func `Padding is no content`() throws {
    let server = try EmbeddedServer()
    var frame = Frame.data(1, ByteBuffer(bytes: [3] + Array("abc".utf8) + [0, 0, 0]))
    frame.flags |= Frame.padded
    try server.send(.headers(1, EmbeddedServer.post), frame)
    #expect(server.recorders[0].text == "abc")
  }

  @Test func `Cookies are joined to one field`() throws {
    let server = try EmbeddedServer()
    try server.send(
      .headers(1, EmbeddedServer.request + [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]))
    #expect(server.heads[0].headers["cookie"] == ["a=1; b=2"])
  }

  @Test func `The Host field stands in for the authority`() throws {
    let server = try EmbeddedServer()
    let fields = [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a.example")]
    try server.send(.headers(1, fields))
    #expect(server.heads[0].authority == "a.example")
  }

  @Test func `An extended CONNECT names its protocol`() throws {
    let server = try EmbeddedServer()
    server.onAccept = { stream, _ in stream.respond(status: .ok) }
    try server.send(.headers(1, EmbeddedServer.webSocket))
    #expect(server.heads[0].method == .CONNECT && server.heads[0].protocol == "websocket")
    #expect(server.heads[0].path == "/socket" && !server.heads[0].endStream)
    _ = try server.received()
    try server.send(.data(1, "frame"))
    #expect(server.recorders[0].text == "frame")
    server.streams[0].write(ByteBuffer(string: "answer"))
    #expect(try server.received(.data).map(\.text) == ["answer"])
    server.streams[0].end()
    #expect(try server.received(.data).map(\.endsStream) == [true])
    #expect(server.recorders[0].closures.isEmpty)
    try server.send(.data(1, endStream: true))
    #expect(server.recorders[0].closures == [.finished])
  }

  @Test func `A CONNECT without protocol has neither scheme nor path`() throws {
    let server = try EmbeddedServer()
    try server.send(.headers(1, [(":method", "CONNECT"), (":authority", "db.example:5432")]))
    #expect(server.heads[0].protocol == nil && server.heads[0].path.isEmpty)
    #expect(server.heads[0].authority == "db.example:5432")
  }

  @Test func `Fields of HTTP1 connections are left out of a response`() throws {
    let pair = try EmbeddedPair()
    pair.server.onAccept = { stream, _ in
      stream.respond(
        status: .ok, headers: ["Connection": "close", "Transfer-Encoding": "chunked", "X-A": "b"],
        endStream: true)
    }
    let (_, recorder) = pair.request(
      HTTP2RequestHead(method: .GET, authority: "example.org", path: "/", endStream: true))
    try pair.exchange()
    #expect(recorder.heads.map(\.headers) == [["x-a": "b"]])
  }

  @Test func `A stream that nobody wants is refused`() throws {
    let server = try EmbeddedServer()
    server.refuses = true
    try server.send(.headers(1, EmbeddedServer.post))
    let resets = try server.received(.reset)
    #expect(resets.map(\.number) == [HTTP2ErrorCode.refusedStream.rawValue])
  }

  @Test func `An answered request need not come to its end`() throws {
    let server = try EmbeddedServer()
    server.onAccept = { stream, _ in
      stream.respond(status: .payloadTooLarge)
      stream.write(ByteBuffer(string: "no"))
      stream.end(discardingInput: true)
    }
    try server.send(.headers(1, EmbeddedServer.post))
    let frames = try server.received().suffix(3)
    // RFC 9113 §8.1.
    #expect(frames.map(\.type) == [.headers, .data, .reset])
    #expect(frames.last?.number == HTTP2ErrorCode.noError.rawValue)
    #expect(server.recorders[0].closures == [.finished])
  }

  @Test func `What is sent after the end does nothing`() throws {
    let server = try EmbeddedServer()
    try server.send(.headers(1, EmbeddedServer.post, endStream: true))
    let stream = server.streams[0]
    stream.respond(status: .ok, endStream: true)
    _ = try server.received()
    #expect(server.recorders[0].closures == [.finished])
    stream.write(ByteBuffer(string: "late"))
    stream.end()
    stream.reset()
    stream.setReading(false)
    stream.respond(status: .ok)
    #expect(try server.received().isEmpty && stream.pendingBytes == 0)
  }
}

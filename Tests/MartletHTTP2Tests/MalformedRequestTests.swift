import NIOCore
import Testing

@testable import MartletHTTP2

/// RFC 9113 §8.1.1: a malformed request is a stream error, and the connection goes on.
@Suite struct MalformedRequestTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var fields: [(String, String)]
  }

  private static let base = EmbeddedServer.request

  static let cases = [
    Case(testDescription: "no :path", fields: Array(base.prefix(3))),
    Case(testDescription: "empty :path", fields: Array(base.prefix(3)) + [(":path", "")]),
    Case(testDescription: "no :method", fields: Array(base.dropFirst())),
    Case(testDescription: "no :scheme", fields: [base[0], base[2], base[3]]),
    Case(testDescription: "no authority at all", fields: [base[0], base[1], base[3]]),
    Case(testDescription: "a second :path", fields: base + [(":path", "/other")]),
    Case(testDescription: "a pseudo field behind others", fields: [("a", "b")] + base),
    Case(testDescription: "an unknown pseudo field", fields: base + [(":secret", "1")]),
    Case(testDescription: ":status in a request", fields: base + [(":status", "200")]),
    Case(testDescription: "a name in upper case", fields: base + [("Accept", "*/*")]),
    Case(testDescription: "a name with a space", fields: base + [("a b", "c")]),
    Case(testDescription: "an empty name", fields: base + [("", "c")]),
    Case(testDescription: "a line break in a value", fields: base + [("a", "b\r\nc: d")]),
    Case(testDescription: "a NUL in a value", fields: base + [("a", "b\0")]),
    Case(testDescription: "a value that begins with a space", fields: base + [("a", " b")]),
    Case(testDescription: "connection", fields: base + [("connection", "upgrade")]),
    Case(testDescription: "transfer-encoding", fields: base + [("transfer-encoding", "chunked")]),
    Case(testDescription: "upgrade", fields: base + [("upgrade", "websocket")]),
    Case(testDescription: "te other than trailers", fields: base + [("te", "gzip")]),
    Case(
      testDescription: "two content-lengths",
      fields: base + [
        ("content-length", "1"), ("content-length", "2"),
      ]),
    Case(testDescription: "another host", fields: base + [("host", "other.example")]),
    Case(testDescription: "userinfo", fields: [base[0], base[1], (":authority", "u@h"), base[3]]),
    Case(testDescription: ":protocol without CONNECT", fields: base + [(":protocol", "websocket")]),
    Case(
      testDescription: "CONNECT with :path",
      fields: [(":method", "CONNECT"), base[1], base[2], base[3]]),
    Case(
      testDescription: "extended CONNECT without :authority",
      fields: [
        (":method", "CONNECT"), (":protocol", "websocket"), base[1], base[3],
        ("host", "example.org"),
      ]),
  ]

  @Test(arguments: cases)
  func `A malformed request is reset, the next one served`(_ example: Case) throws {
    let server = try EmbeddedServer()
    try server.send(.headers(1, example.fields, endStream: true))
    #expect(server.heads.isEmpty)
    #expect(
      try server.received(.reset).map(\.number) == [HTTP2ErrorCode.protocolError.rawValue])
    try server.send(.headers(3, EmbeddedServer.request, endStream: true))
    #expect(server.heads.count == 1)
  }

  @Test func `A body of another length than told is reset`() throws {
    let server = try EmbeddedServer()
    try server.send(
      .headers(1, EmbeddedServer.post + [("content-length", "3")]), .data(1, "ab", endStream: true))
    #expect(
      try server.received(.reset).map(\.number) == [HTTP2ErrorCode.protocolError.rawValue])
    #expect(server.recorders[0].closures == [.resetHere(.protocolError)])
    #expect(!server.recorders[0].hasEnd)
  }

  @Test func `A list of fields above the limit is answered 431`() throws {
    let server = try EmbeddedServer()
    let value = String(repeating: "v", count: 12_000)
    var block = ByteBuffer()
    for (name, value) in EmbeddedServer.post + [("a", value), ("b", value), ("c", value)] {
      block.writeField(name, value)
    }
    let first = block.readSlice(length: 16_000) ?? ByteBuffer()
    let second = block.readSlice(length: 16_000) ?? ByteBuffer()
    try server.send(.headers(1, block: first, endHeaders: false))
    try server.send(
      Frame(kind: 9, stream: 1, payload: second),
      Frame(kind: 9, flags: Frame.endHeaders, stream: 1, payload: block))
    #expect(server.heads.isEmpty)
    let frames = try server.received().filter { $0.stream == 1 }
    #expect(frames.map(\.type) == [.headers, .reset])
    // 431 is not in the static table: a literal after the index of `:status`.
    #expect(frames[0].endsStream && frames[1].number == HTTP2ErrorCode.noError.rawValue)
    try server.send(.headers(3, EmbeddedServer.request, endStream: true))
    #expect(server.heads.count == 1)
  }
}

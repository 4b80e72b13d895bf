import MartletTestSupport
import NIOCore
import Testing

extension Attack {
  private static func stream(
    _ deed: String, _ answer: Answer, _ bytes: ByteBuffer
  ) -> Attack {
    Attack(deed, answer) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker)
      http2.connection.flood(bytes)
      return switch answer {
      case .reset: try await http2.reset(1)
      case .goAway: try await http2.goAway()
      default: try await http2.status(1)
      }
    }
  }

  private static func joined(_ parts: ByteBuffer...) -> ByteBuffer {
    parts.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
  }

  private static func fields(_ deed: String, _ more: [(String, String)]) -> Attack {
    stream(deed, .reset(1), HTTP2Frame.request(1, "/nothing", more))
  }

  private static let poll = "/poll/ws/room/attackers/"

  /// RFC 9113.
  static let brokenStreams = [
    stream(
      "A body that is shorter than its content-length", .reset(1),
      joined(
        HTTP2Frame.request(1, poll, method: "POST", [("content-length", "30")], ends: false),
        HTTP2Frame.data(1, ByteBuffer(string: #"{"type":"chat_message"}"#), ends: true))),
    stream(
      "A body that is longer than its content-length", .reset(1),
      joined(
        HTTP2Frame.request(1, poll, method: "POST", [("content-length", "5")], ends: false),
        HTTP2Frame.data(1, ByteBuffer(string: #"{"type":"chat_message"}"#), ends: true))),
    stream(
      "A request without a body and with content-length", .reset(1),
      HTTP2Frame.request(1, poll, method: "POST", [("content-length", "5")])),
    fields("Two content-lengths", [("content-length", "0"), ("content-length", "1")]),
    fields("A field of HTTP/1.1 connections", [("connection", "close")]),
    fields("A transfer-encoding", [("transfer-encoding", "chunked")]),
    fields("An upgrade", [("upgrade", "websocket")]),
    fields("A keep-alive", [("keep-alive", "1")]),
    fields("A TE that is not trailers", [("te", "gzip")]),
    fields("A field name in capitals", [("X-Upper", "1")]),
    fields("A field name with a colon", [("x:y", "1")]),
    fields("An empty field name", [("", "1")]),
    fields("A field with CR and LF in its value", [("x", "1\r\nhost: b")]),
    fields("A field with a null byte", [("x", "1\0")]),
    fields("A pseudo field behind a field", [("x", "1"), (":path", "/other")]),
    fields("An unknown pseudo field", [(":other", "1")]),
    fields("A host that is not the authority", [("host", "b")]),
    stream(
      "A request without a path", .reset(1),
      HTTP2Frame.headers(
        1, [(":method", "GET"), (":scheme", "http"), (":authority", "a")], ends: true)),
    stream(
      "A request with two paths", .reset(1),
      HTTP2Frame.headers(
        1,
        [(":method", "GET"), (":scheme", "http"), (":path", "/a"), (":path", "/b")], ends: true)),
    stream("An empty path", .reset(1), HTTP2Frame.request(1, "")),
    stream("A path with a space", .reset(1), HTTP2Frame.request(1, "/a b")),
    stream("A path in absolute form", .reset(1), HTTP2Frame.request(1, "http://b/nothing")),
    stream(
      "A path that is not UTF-8", .statuses([400]),
      HTTP2Frame.request(1, "/ws/room/%ff/", [("accept", "text/event-stream")])),
    stream(
      "A WebSocket of another protocol", .statuses([501]),
      HTTP2Frame.headers(
        1,
        [
          (":method", "CONNECT"), (":protocol", "connect-udp"), (":scheme", "http"),
          (":authority", "a"), (":path", "/ws/room/attackers/"),
        ], ends: false)),
    stream(
      "A tunnel", .statuses([501]),
      HTTP2Frame.headers(1, [(":method", "CONNECT"), (":authority", "b:443")], ends: false)),
    stream(
      "A header list above the limit", .statuses([431]),
      HTTP2Frame.request(1, "/nothing", Array(repeating: ("x", "y"), count: 600))),
    stream("A stream with an even number", .goAway(1), HTTP2Frame.request(2)),
    stream(
      "Data on a stream that is not open", .goAway(1), HTTP2Frame.data(1, ByteBuffer(string: "x"))),
    stream("Data on the connection", .goAway(1), HTTP2Frame.data(0, ByteBuffer(string: "x"))),
    stream("A reset of a stream that is not open", .goAway(1), HTTP2Frame.reset(1)),
    stream(
      "A frame of 16 MiB", .goAway(6), ByteBuffer(bytes: [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])),
    stream(
      "SETTINGS of 5 bytes", .goAway(6),
      HTTP2Frame.bytes(.settings, ByteBuffer(bytes: [0, 0, 0, 0, 0]))),
    stream("SETTINGS with a window of 2^31", .goAway(3), HTTP2Frame.settings([(4, 1 << 31)])),
    stream("SETTINGS with a frame size of 1", .goAway(1), HTTP2Frame.settings([(5, 1)])),
    stream(
      "A PING of 7 bytes", .goAway(6),
      HTTP2Frame.bytes(.ping, ByteBuffer(bytes: [0, 0, 0, 0, 0, 0, 0]))),
    stream(
      "A client's push", .goAway(1),
      HTTP2Frame.bytes(.pushPromise, flags: 4, stream: 1, ByteBuffer(integer: UInt32(2)))),
    stream("A window that grows by nothing", .goAway(1), HTTP2Frame.windowUpdate(0, 0)),
    stream(
      "A window that grows beyond 2^31", .goAway(3),
      joined(HTTP2Frame.windowUpdate(0, 0x7fff_ffff), HTTP2Frame.windowUpdate(0, 0x7fff_ffff))),
    stream(
      "A header block with another frame in it", .goAway(1),
      joined(
        HTTP2Frame.headers(1, [(":method", "GET")], ends: true, isWhole: false),
        HTTP2Frame.bytes(.ping, ByteBuffer(integer: UInt64(0))))),
    stream(
      "A CONTINUATION of nothing", .goAway(1),
      HTTP2Frame.bytes(.continuation, flags: 4, stream: 1)),
    stream(
      "A header block with an index that there is not", .goAway(9),
      HTTP2Frame.bytes(.headers, flags: 5, stream: 1, ByteBuffer(bytes: [0xff, 0xff, 0x7f]))),
    stream(
      "More padding than frame", .goAway(1),
      joined(
        HTTP2Frame.request(1, poll, method: "POST", ends: false),
        HTTP2Frame.bytes(.data, flags: 8, stream: 1, ByteBuffer(bytes: [200, 0])))),
    stream(
      "HTTP/1.1 behind the preface", .goAway(6),
      ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
    Attack("A stream that goes back in numbers", .served) { attacker in
      // RFC 9113 §5.1.1 has it end the connection; nghttp2 cannot tell it from a stream that has ended, and ignores it.
      let http2 = try await HTTP2Attacker.connect(attacker)
      http2.connection.flood(HTTP2Frame.request(5))
      http2.connection.flood(HTTP2Frame.request(3))
      let answer = try await http2.expectService(7)
      #expect(!http2.frames.contains { $0.stream == 3 })
      return answer
    },
    Attack("A WebSocket's frame without a mask, on a stream,", .closed(1002)) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker)
      http2.connection.flood(HTTP2Frame.webSocket(1, "/ws/room/attackers/"))
      try await eventually("the WebSocket is open") {
        String(buffer: http2.data(1)).contains("connection_established")
      }
      http2.connection.flood(HTTP2Frame.data(1, ByteBuffer(bytes: [0x81, 0])))
      try await eventually("a close frame comes") {
        http2.data(1).readableBytesView.suffix(18).contains(0x88)
      }
      let data = http2.data(1)
      let end = data.readableBytesView.lastIndex(of: 0x88) ?? 0
      return .closed(data.getInteger(at: end + 2, as: UInt16.self).map(Int.init))
    },
  ]
}

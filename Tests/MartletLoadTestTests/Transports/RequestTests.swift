import MartletTestSupport
import NIOCore
import Testing

@testable import MartletLoadTest

/// What servers answer to polls, publications and streams of events, and should not.
@Suite struct RequestTests {
  private func answer(_ status: Int, _ body: String, sequence: UInt32? = 7) -> String {
    String(
      buffer: PublicationAnswer.message(
        status: status, body: ByteBuffer(string: body), sequence: sequence))
  }

  @Test func `An answer to a publication becomes an acknowledgement or an error`() {
    #expect(
      answer(200, #"{"group":"g","epoch":"e","offset":3}"#)
        == #"{"type":"ack","ref":7,"group":"g","epoch":"e","offset":3}"#)
    #expect(answer(200, " {}") == #"{"type":"ack","ref":7}"#)
    #expect(answer(200, #"{"a":1}"#, sequence: nil) == #"{"type":"ack","a":1}"#)
    #expect(
      answer(503, #"{"error":{"message":"m","code":"unavailable"}}"#)
        == #"{"type":"error","ref":7,"code":"unavailable"}"#)
    #expect(
      answer(429, #"{"error":{"code":"rate_limited"}}"#)
        == #"{"type":"error","ref":7,"code":"rate_limited"}"#)
    #expect(answer(503, "<html>") == #"{"type":"error","ref":7,"code":"unavailable"}"#)
    #expect(answer(502, "") == #"{"type":"error","ref":7,"code":"http_502"}"#)
    #expect(
      answer(400, #"{"error":{"code":"\"}"}}"#) == #"{"type":"error","ref":7,"code":"http_400"}"#)
    #expect(answer(200, "nonsense") == #"{"type":"error","ref":7,"code":"malformed_answer"}"#)
    #expect(answer(200, "{") == #"{"type":"error","ref":7,"code":"malformed_answer"}"#)
  }

  @Test func `The answer to a poll is taken apart in place`() throws {
    let text =
      #"{"group":"g","position":{"epoch":"e","offset":9},"recovered":true,"publications":[{"a":[1,"]"]}, {"b":"\"}"}]}"#
    let bytes = ByteBuffer(string: text)
    let answer = try PollAnswer.parse(bytes.readableBytesUInt8Span)
    #expect(answer.position == Position(epoch: "e", offset: 9))
    #expect(answer.recovered == true)
    #expect(
      answer.publications.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
        == [#"{"a":[1,"]"]}"#, #"{"b":"\"}"}"#])
  }

  @Test(arguments: [
    "", "[]", "{}", #"{"position":{"epoch":"e","offset":1}}"#,
    #"{"position":{"epoch":"e"},"publications":[]}"#,
    #"{"position":{"epoch":"e","offset":1},"publications":[1]}"#,
    #"{"position":{"epoch":"e","offset":1},"publications":[{}{}]}"#,
    #"{"position":{"epoch":"e","offset":1},"publications":{}}"#,
    #"{"position":{"epoch":"e","offset":1},"publications":[{"a""#,
  ])
  func `An answer that is not the protocol's is malformed`(text: String) {
    let bytes = ByteBuffer(string: text)
    #expect(throws: MalformedJSON.self) { try PollAnswer.parse(bytes.readableBytesUInt8Span) }
  }

  private static let first =
    #"{"group":"g","position":{"epoch":"e & é","offset":9},"publications":[]}"#

  @Test func `Polls go on from the position of each answer, and a gap is a resync`() async throws {
    try await ScriptedHTTPServer.with { request in
      if !request.target.contains("offset") { return .json(Self.first) }
      if request.target.contains("offset=9") {
        return .json(
          #"{"group":"g","position":{"epoch":"f","offset":10},"recovered":true,"publications":[{"type":"load","offset":10}]}"#
        )
      }
      if request.target.contains("offset=10") {
        return .json(
          #"{"group":"g","position":{"epoch":"f","offset":12},"recovered":false,"publications":[]}"#
        )
      }
      return .silence
    } _: { server in
      let client = try await TestDialer().dial(try .test(server.port, "/ws/x/?a=b", .poll))
      _ = try await client.message(ofType: "connection_established")
      #expect(try await client.message(ofType: "load").number("offset") == 10)
      #expect(try await client.message(ofType: "resync").number("position.offset") == 12)
      try await eventually("the fourth poll comes") { server.requests.count == 4 }
      #expect(
        server.requests.map(\.target) == [
          "/poll/ws/x/?a=b", "/poll/ws/x/?a=b&epoch=e%20%26%20%C3%A9&offset=9&wait=25",
          "/poll/ws/x/?a=b&epoch=f&offset=10&wait=25", "/poll/ws/x/?a=b&epoch=f&offset=12&wait=25",
        ])
      try await client.abort()
    }
  }

  @Test(arguments: [
    (ScriptedHTTPServer.Reply.json("nonsense"), "protocol_violation"),
    (.raw("nonsense\r\n\r\n"), "protocol_violation"), (.hangUp, "lost"), (.status(503), "lost"),
    (.status(401), "http_401"),
    (.raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n{}"), ""),
  ])
  func `A poll that is answered by garbage, or not at all, ends the transport`(
    reply: ScriptedHTTPServer.Reply, label: String
  ) async throws {
    try await ScriptedHTTPServer.with { request in
      request.target.contains("offset") ? reply : .json(Self.first)
    } _: { server in
      let client = try await TestDialer().dial(try .test(server.port, "/ws/x/", .poll))
      _ = try await client.message(ofType: "connection_established")
      try await eventually("the second poll comes") { server.requests.count == 2 }
      guard !label.isEmpty else {
        // Cut off by the server's end.
        await server.stop()
        #expect(try await client.end().label == "lost")
        return
      }
      #expect(try await client.end().label == label)
    }
  }

  @Test func `Publications are sent one after another, and what is not answered is unavailable`()
    async throws
  {
    try await ScriptedHTTPServer.with { request in
      if request.method == "GET" {
        return request.target.contains("offset") ? .silence : .json(Self.first)
      }
      switch request.body {
      case "1": return .held(.json(#"{"group":"g","epoch":"e","offset":10}"#))
      case "2": return .hangUp
      case "3": return .json("nonsense")
      default: return .json(#"{"group":"g"}"#)
      }
    } _: { server in
      let client = try await TestDialer().dial(try .test(server.port, "/ws/x/", .poll))
      _ = try await client.message(ofType: "connection_established")
      for number in 1...4 { try await client.send("\(number)", sequence: UInt32(number)) }
      try await eventually("the first is there") {
        server.requests.contains { $0.method == "POST" }
      }
      #expect(server.requests.filter { $0.method == "POST" }.map(\.body) == ["1"])
      server.release()
      #expect(try await client.message(ofType: "ack").number("ref") == 1)
      let lost = try await client.message(ofType: "error")
      #expect(lost.number("ref") == 2 && lost.text("code") == "unavailable")
      let nonsense = try await client.message(ofType: "error")
      #expect(nonsense.number("ref") == 3 && nonsense.text("code") == "malformed_answer")
      #expect(try await client.message(ofType: "ack").number("ref") == 4)
      #expect(
        server.requests.filter { $0.method == "POST" }.map(\.target).allSatisfy {
          $0 == "/poll/ws/x/"
        })
      #expect(client.ends.isEmpty)
      try await client.close()
    }
  }

  private func stream(_ rest: String) -> ScriptedHTTPServer.Reply {
    .raw("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\(rest)")
  }

  @Test func `A stream of events may be cut anywhere`() async throws {
    let cuts: [(String, [String])] = [
      // The end in order, in the middle of a field.
      ("Transfer-Encoding: chunked\r\n\r\n11\r\ndata: x\n\ndata: ha\r\n0\r\n\r\n", ["x"]),
      ("Content-Length: 9\r\n\r\ndata: x\n\n", ["x"]),
    ]
    for (text, messages) in cuts {
      try await ScriptedHTTPServer.with(stream(text)) { server in
        let client = try await TestDialer().dial(try .test(server.port, "/ws/x/", .eventStream))
        #expect(try await client.end().label == "lost")
        #expect(client.isOpen)
        #expect(client.messages == messages)
      }
    }
  }

  @Test func `A stream of events that breaks off in a chunk is lost`() async throws {
    try await ScriptedHTTPServer.with(
      stream("Transfer-Encoding: chunked\r\n\r\nff\r\ndata: x\n\nid")
    ) {
      server in
      let client = try await TestDialer().dial(try .test(server.port, "/ws/x/", .eventStream))
      try await eventually("the event comes") { client.messages == ["x"] }
      await server.stop()
      #expect(try await client.end().label == "lost")
    }
  }

  @Test func `A response that is no stream of events is refused`() async throws {
    try await ScriptedHTTPServer.with(.json("{}")) { server in
      let client = try await TestDialer().dial(try .test(server.port, "/ws/x/", .eventStream))
      #expect(try await client.end().label == "bad_upgrade")
      #expect(server.requests.first?.headers["accept"] == "text/event-stream")
    }
  }

  @Test func `A server that never answers is the caller's to end`() async throws {
    try await ScriptedHTTPServer.with(.silence) { server in
      for transport in [Behaviour.Transport.webSocket, .eventStream, .poll] {
        let before = server.requests.count
        let client = try await TestDialer().dial(try .test(server.port, "/ws/x/", transport))
        try await eventually("the request is there") { server.requests.count > before }
        try await client.abort()
        #expect(client.ends.isEmpty && !client.isOpen)
      }
    }
  }
}

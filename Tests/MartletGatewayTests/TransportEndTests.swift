import MartletCore
import MartletTestSupport
import MartletWebSocket
import NIOCore
import NIOHTTP1
import Testing

/// Connections that end when it does not suit: nothing of them may stay.
@Suite struct TransportEndTests {
  private static let long = String(repeating: "x", count: 60_000)

  /// More than the sockets of both sides take.
  private func flood(_ gateway: TestGateway) async throws {
    for _ in 0..<250 {
      _ = try await gateway.publish("room_7", #"{"type":"chat_message","text":"\#(Self.long)"}"#)
    }
  }

  private func sessionsEnd(_ gateway: TestGateway) async throws {
    try await eventually("no session is left") {
      try await gateway.metric("martlet_sessions") == 0
    }
  }

  @Test func `A client that closes while it is being admitted leaves nothing behind`()
    async throws
  {
    try await ScriptedHTTPServer.with(.silence) { backend in
      backend.script { request in
        let isConnect = (try? request.json().text("event")) == "connect"
        let allowed = ScriptedHTTPServer.Reply.json(#"{"allow":true}"#)
        return isConnect ? allowed : .held(allowed)
      }
      let gateway = try await TestGateway.start(
        yaml: """
          listen: 127.0.0.1:0
          admin: 127.0.0.1:0
          loops: 1
          auth: {hook: {url: "http://127.0.0.1:\(backend.port)/"}}
          routes: [{path: "/ws/room/{room}/", group: "room_{room}", access: {anonymous: true}}]
          """)
      try await gateway.run { gateway in
        let client = try await WebSocketTestClient.connect(port: gateway.port, "/ws/room/7/")
        try await eventually("the back end is asked") { backend.requests.count == 2 }
        try await client.send(opcode: 8, [3, 232])
        // Its bytes are read before these are.
        for _ in 0..<3 {
          _ = try await HTTPTestClient.request(port: gateway.port, "/api/users/x")
        }
        #expect(backend.release() == 1)
        #expect(try await client.closeCode() == 1000)
        try await eventually("the connection is closed") { client.isClosed }
        try await sessionsEnd(gateway)
      }
    }
  }

  @Test func `A stream of events that nobody reads is cut off`() async throws {
    try await TestGateway.with(limits: "{pending_bytes: 64KiB}") { gateway in
      let client = try await EventStreamTestClient.connect(port: gateway.port, "/sse/ws/room/7/")
      _ = try await client.event(ofType: "connection_established")
      try await client.setReading(false)
      try await flood(gateway)
      try await sessionsEnd(gateway)
      await client.abort()
    }
  }

  @Test func `A client that closes and does not read is cut off`() async throws {
    try await TestGateway.with(limits: "{pending_bytes: 64MiB}") { gateway in
      let client = try await gateway.join("7")
      try await client.setReading(false)
      try await flood(gateway)
      try await client.send(opcode: 8, [3, 232])
      try await sessionsEnd(gateway)
      await client.abort()
    }
  }

  @Test func `The last event says why a reader that is too slow is cut off`() async throws {
    try await TestGateway.with(limits: "{pending_bytes: 64KiB}") { gateway in
      let client = try await HTTP2TestClient.connect(port: gateway.port)
      let stream = try await client.request(.GET, "/sse/ws/room/7/")
      try await eventually("it begins") { stream.text.contains("connection_established") }
      try await stream.setReading(false)
      for _ in 0..<5 {
        _ = try await gateway.publish("room_7", #"{"type":"chat_message","text":"\#(Self.long)"}"#)
      }
      try await stream.setReading(true)
      try await eventually("it ends") { stream.isEnded }
      let last = stream.text.split(separator: "\n\n").last ?? ""
      #expect(last.contains(#""type":"closing""#) && last.contains(#""code":4006"#))
    }
  }

  @Test func `A message of an echo goes through a compressor once`() async throws {
    let gateway = try await TestGateway.start(
      yaml: """
        listen: 127.0.0.1:0
        admin: 127.0.0.1:0
        compression: {context_takeover: true, floor: 0B}
        routes: [{path: /echo, kind: echo}]
        """)
    try await gateway.run { gateway in
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/echo",
        headers: [(name: "Sec-WebSocket-Extensions", value: "permessage-deflate")])
      var reader = WebSocketReader(
        role: .client, limits: WebSocketLimits(frameSize: 1 << 20, messageSize: 1 << 20),
        deflate: PermessageDeflate.Parameters())
      let text = String(repeating: "the same words, and the same again; ", count: 30)
      for number in 1...3 {
        try await client.send("\(number) \(text)")
        let frame = try await client.frame()
        var bytes = ByteBuffer()
        WebSocketFraming.writeHeader(
          .text, length: frame.payload.count, isCompressed: frame.reservedBits == 4, into: &bytes)
        bytes.writeBytes(frame.payload)
        reader.append(bytes)
        let event = try reader.next()
        guard case .text(let back)? = event else { throw NeverTrue(what: "a text comes back") }
        #expect(String(buffer: back) == "\(number) \(text)")
      }
    }
  }
}

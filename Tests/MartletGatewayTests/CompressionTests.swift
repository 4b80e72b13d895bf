import MartletCore
import MartletTestSupport
import NIOCore
import Testing

@testable import MartletWebSocket

/// RFC 7692 at a gateway; the rules of frames are tested in MartletWebSocketTests.
@Suite struct CompressionTests {
  private func connect(
    _ gateway: TestGateway, offer: String?, room: String = "7"
  ) async throws -> WebSocketTestClient {
    try await WebSocketTestClient.connect(
      port: gateway.port, "/ws/room/\(room)/",
      headers: offer.map { [(name: "Sec-WebSocket-Extensions", value: $0)] } ?? [])
  }

  /// The text of a frame that is compressed on its own.
  private func inflated(_ frame: WebSocketTestClient.Frame) throws -> JSONObject {
    var reader = WebSocketReader(
      role: .client, limits: WebSocketLimits(frameSize: 1 << 20, messageSize: 1 << 20),
      deflate: PermessageDeflate.Parameters(serverNoContextTakeover: true))
    var bytes = ByteBuffer()
    WebSocketFraming.writeHeader(
      .text, length: frame.payload.count, isCompressed: true, into: &bytes)
    bytes.writeBytes(frame.payload)
    reader.append(bytes)
    guard case .text(let text)? = try reader.next() else { throw NeverTrue(what: "a text comes") }
    return try JSONObject(String(buffer: text))
  }

  private let long = String(repeating: "many words again and again. ", count: 100)

  private func compressedFrame(_ client: WebSocketTestClient) async throws
    -> WebSocketTestClient.Frame
  {
    while true {
      let frame = try await client.frame()
      if frame.reservedBits == 4 { return frame }
    }
  }

  @Test func `Large publications are compressed for those who can read that`() async throws {
    try await TestGateway.with { gateway in
      let able = try await connect(gateway, offer: "permessage-deflate; client_max_window_bits")
      let other = try await connect(gateway, offer: nil)
      #expect(able.response.lowercased().contains("sec-websocket-extensions: permessage-deflate"))
      #expect(able.response.contains("server_no_context_takeover"))
      #expect(!other.response.lowercased().contains("extensions"))
      _ = try await gateway.publish("room_7", #"{"type":"chat_message","message":"\#(long)"}"#)
      let frame = try await compressedFrame(able)
      #expect(frame.payload.count < long.count / 10)
      let event = try inflated(frame)
      #expect(event.text("message") == long && event.number("offset") == 1)
      let plain = try await other.message(ofType: "chat_message")
      #expect(plain.text("message") == long)
      // Small ones are sent as they are.
      _ = try await gateway.publish("room_7", #"{"type":"chat_message","message":"short"}"#)
      #expect(try await able.message(ofType: "chat_message").text("message") == "short")
    }
  }

  @Test func `Compressed messages of clients are read`() async throws {
    try await TestGateway.with { gateway in
      let client = try await connect(gateway, offer: "permessage-deflate")
      let message = ByteBuffer(string: #"{"type":"chat_message","message":"\#(long)","ref":1}"#)
      let compressor = DeflateCompressor(.init(), keepsContext: false)
      var payload = ByteBuffer()
      compressor.compress(message, into: &payload)
      try await client.send(opcode: 1, Array(payload.readableBytesView), reservedBits: 4)
      #expect(try await client.message(ofType: "ack").number("offset") == 1)
      #expect(try inflated(await compressedFrame(client)).text("message") == long)
    }
  }

  @Test func `A small message that becomes a huge one is refused before it is one`() async throws {
    try await TestGateway.with { gateway in
      let client = try await connect(gateway, offer: "permessage-deflate")
      let compressor = DeflateCompressor(.init(level: 9), keepsContext: false)
      var payload = ByteBuffer()
      compressor.compress(ByteBuffer(repeating: 32, count: 64 << 20), into: &payload)
      #expect(payload.readableBytes < 80_000)
      try await client.send(opcode: 1, Array(payload.readableBytesView), reservedBits: 4)
      #expect(try await client.message(ofType: "error").text("code") == "too_large")
      try await client.send(#"{"type":"ping"}"#)
      _ = try await client.message(ofType: "pong")
    }
  }

  @Test func `With context takeover each connection has a compressor of its own`() async throws {
    try await TestGateway.with("compression: {context_takeover: true, floor: 0B}") { gateway in
      let client = try await connect(gateway, offer: "permessage-deflate")
      #expect(!client.response.contains("no_context_takeover"))
      var reader = WebSocketReader(
        role: .client, limits: WebSocketLimits(frameSize: 1 << 20, messageSize: 1 << 20),
        deflate: PermessageDeflate.Parameters())
      var sizes: [Int] = []
      for number in 1...3 {
        _ = try await gateway.publish(
          "room_7", #"{"type":"chat_message","n":\#(number),"message":"q8f4h1kx93nd02mf7s"}"#)
      }
      while sizes.count < 3 {
        let frame = try await client.frame()
        var bytes = ByteBuffer()
        WebSocketFraming.writeHeader(
          .text, length: frame.payload.count, isCompressed: frame.reservedBits == 4, into: &bytes)
        bytes.writeBytes(frame.payload)
        reader.append(bytes)
        guard case .text(let text)? = try reader.next() else { continue }
        if try JSONObject(String(buffer: text)).text("type") == "chat_message" {
          sizes.append(frame.payload.count)
        }
      }
      #expect(sizes[1] < sizes[0] && sizes[2] < sizes[0])
    }
  }

  @Test func `What is for one client alone is compressed as well, if it is large`() async throws {
    try await TestGateway.with { gateway in
      let client = try await connect(gateway, offer: "permessage-deflate; client_max_window_bits")
      for number in 0..<20 {
        _ = try await gateway.join("7", name: "a-name-that-repeats-itself-\(number)")
      }
      try await client.send(#"{"type":"presence"}"#)
      let frame = try await compressedFrame(client)
      #expect(try inflated(frame).text("type") == "presence")
    }
  }

  @Test(arguments: ["permessage-deflate;;", "permessage-deflate; x=\"", ","])
  func `A field that is no list of extensions fails the handshake`(field: String) async throws {
    try await TestGateway.with { gateway in
      if field == "," {
        // A list of nothing is a list.
        _ = try await connect(gateway, offer: field)
      } else {
        let refused = await #expect(throws: WebSocketTestClient.Refused.self) {
          _ = try await connect(gateway, offer: field)
        }
        #expect(refused?.status == 400)
      }
    }
  }

  @Test func `Nothing is compressed where that is switched off`() async throws {
    try await TestGateway.with("compression: {enabled: false}") { gateway in
      let client = try await connect(gateway, offer: "permessage-deflate")
      #expect(!client.response.lowercased().contains("extensions"))
    }
  }
}

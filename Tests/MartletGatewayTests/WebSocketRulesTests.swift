import MartletCore
import MartletTestSupport
import NIOCore
import Testing

@testable import MartletGateway

/// RFC 6455, as far as the first version goes.
@Suite struct WebSocketRulesTests {
  @Test func `§5.4 Fragments make one message, with control frames between them`() async throws {
    try await TestGateway.with { gateway in
      let client = try await gateway.join("7")
      try await client.send(opcode: 1, Array(#"{"type":"#.utf8), isFinal: false)
      try await client.send(opcode: 9, [1, 2])
      try await client.send(opcode: 0, Array(#""ping"#.utf8), isFinal: false)
      try await client.send(opcode: 0, Array(#""}"#.utf8))
      var opcodes: [UInt8] = []
      var frame = try await client.frame()
      while frame.text != #"{"type":"pong"}"# {
        opcodes.append(frame.opcode)
        if frame.opcode == 10 { #expect(frame.payload == [1, 2]) }
        frame = try await client.frame()
      }
      #expect(opcodes.contains(10))
    }
  }

  @Test func `§5.5.1 A close is answered with a close, then the connection ends`() async throws {
    try await TestGateway.with { gateway in
      let client = try await gateway.join("7")
      try await client.send(opcode: 8, [3, 232])
      #expect(try await client.closeCode() == 1000)
      try await eventually("the connection ends") { client.isClosed }
    }
  }

  @Test(arguments: [
    "§5.1 unmasked", "§5.2 reserved bit", "§5.2 reserved opcode", "§5.4 lone continuation",
    "§5.4 interleaved", "§5.5 fragmented ping", "§5.5 long ping", "§7.4 bad close code",
    "§5.5.1 short close",
  ])
  func `A violation closes with 1002`(violation: String) async throws {
    try await TestGateway.with { gateway in
      let client = try await gateway.join("7")
      let text = Array(#"{"type":"ping"}"#.utf8)
      switch violation {
      case "§5.1 unmasked": try await client.send(opcode: 1, text, isMasked: false)
      case "§5.2 reserved bit": try await client.send(opcode: 1, text, reservedBits: 4)
      case "§5.2 reserved opcode": try await client.send(opcode: 3, text)
      case "§5.4 lone continuation": try await client.send(opcode: 0, text)
      case "§5.4 interleaved":
        try await client.send(opcode: 1, text, isFinal: false)
        try await client.send(opcode: 1, text)
      case "§5.5 fragmented ping": try await client.send(opcode: 9, [], isFinal: false)
      case "§5.5 long ping":
        try await client.send(opcode: 9, [UInt8](repeating: 0, count: 126))
      case "§7.4 bad close code": try await client.send(opcode: 8, [3, 237])
      default: try await client.send(opcode: 8, [3])
      }
      #expect(try await client.closeCode() == 1002)
      try await eventually("the connection ends") { client.isClosed }
    }
  }

  @Test func `§8.1 Text that is not UTF-8 closes with 1007, also across fragments`() async throws {
    try await TestGateway.with { gateway in
      let whole = try await gateway.join("7")
      try await whole.send(opcode: 1, [0x7b, 0xff, 0x7d])
      #expect(try await whole.closeCode() == 1007)
      let parts = try await gateway.join("7")
      try await parts.send(opcode: 1, [0xc3], isFinal: false)
      try await parts.send(opcode: 0, [0x28])
      #expect(try await parts.closeCode() == 1007)
    }
  }

  @Test func `A frame above the limit is explained and closed with 1009, however long it is`()
    async throws
  {
    try await TestGateway.with(limits: "{message_size: 1KiB, frame_size: 2KiB}") { gateway in
      let client = try await gateway.join("7")
      try await client.send(opcode: 1, [UInt8](repeating: 0x20, count: 3_000_000))
      #expect(try await client.message(ofType: "error").text("code") == "too_large")
      #expect(try await client.closeCode() == 1009)
    }
  }

  @Test func `A silent client is pinged, and closed as idle if it does not answer`() async throws {
    try await TestGateway.with(limits: "{ping_interval: 1s, ping_timeout: 500ms}") { gateway in
      let silent = try await gateway.join("7")
      var sawPing = false
      var code: Int?
      while code == nil {
        let frame = try await silent.frame()
        if frame.opcode == 9 { sawPing = true }
        if frame.opcode == 8 { code = Int(frame.payload[0]) << 8 | Int(frame.payload[1]) }
      }
      #expect(sawPing && code == 4005)
    }
  }

  @Test func `Bytes that are no WebSocket at all do not disturb the gateway`() async throws {
    try await TestGateway.with { gateway in
      let seed = UInt64.random(in: 0 ... .max)
      print("WebSocketRulesTests seed: \(seed)")
      var random = SeededGenerator(seed: seed)
      for _ in 0..<30 {
        let client = try await gateway.join("7")
        let bytes = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
        try? await client.send(raw: ByteBuffer(bytes: bytes))
        await client.abort()
      }
      let client = try await gateway.join("7")
      try await client.send(#"{"type":"ping"}"#)
      _ = try await client.message(ofType: "pong")
    }
  }
}

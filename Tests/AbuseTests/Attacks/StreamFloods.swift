import MartletTestSupport
import NIOCore
import Testing

extension Attack {
  private static func flood(
    _ deed: String, _ answer: Answer = .goAway(11), _ make: @escaping @Sendable () -> ByteBuffer
  ) -> Attack {
    Attack(deed, answer) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker)
      http2.connection.flood(make())
      return try await http2.goAway()
    }
  }

  /// CVE-2019-9511 … 9518, CVE-2023-44487, CVE-2024-27316 and the like; 11 is ENHANCE_YOUR_CALM.
  static let streamFloods = [
    flood("Who opens and resets 2,000 streams") {
      var bytes = ByteBuffer()
      for number in 0..<2_000 {
        bytes.writeImmutableBuffer(HTTP2Frame.request(UInt32(number * 2 + 1)))
        bytes.writeImmutableBuffer(HTTP2Frame.reset(UInt32(number * 2 + 1)))
      }
      return bytes
    },
    flood("Who has 2,000 streams reset by breaking rules") {
      // CVE-2025-8671.
      var bytes = ByteBuffer()
      for number in 0..<2_000 {
        bytes.writeImmutableBuffer(
          HTTP2Frame.request(
            UInt32(number * 2 + 1), "/nothing", [("content-length", "5")]))
      }
      return bytes
    },
    flood("A flood of 20,000 PINGs") {
      Attacker.repeated(HTTP2Frame.bytes(.ping, ByteBuffer(integer: UInt64(7))), 20_000)
    },
    flood("A flood of 20,000 SETTINGS") {
      Attacker.repeated(HTTP2Frame.settings([(4, 65_535)]), 20_000)
    },
    flood("A flood of 20,000 empty SETTINGS") { Attacker.repeated(HTTP2Frame.settings(), 20_000) },
    flood("A flood of 20,000 window updates") {
      Attacker.repeated(HTTP2Frame.windowUpdate(0, 1), 20_000)
    },
    flood("A flood of 20,000 empty DATA frames") {
      var bytes = HTTP2Frame.request(1, "/poll/ws/room/attackers/", method: "POST", ends: false)
      bytes.writeImmutableBuffer(
        Attacker.repeated(HTTP2Frame.data(1, ByteBuffer()), 20_000))
      return bytes
    },
    flood("A flood of 20,000 CONTINUATIONs") {
      var bytes = HTTP2Frame.headers(1, [(":method", "GET")], ends: true, isWhole: false)
      bytes.writeImmutableBuffer(
        Attacker.repeated(
          HTTP2Frame.bytes(.continuation, stream: 1, HTTP2Frame.block([("x", "y")])), 20_000))
      return bytes
    },
    flood("A flood of 20,000 empty CONTINUATIONs") {
      var bytes = HTTP2Frame.headers(1, [(":method", "GET")], ends: true, isWhole: false)
      bytes.writeImmutableBuffer(
        Attacker.repeated(HTTP2Frame.bytes(.continuation, stream: 1), 20_000))
      return bytes
    },
    flood("A header block that unpacks to a thousand times its size") {
      // One field of 4,000 bytes goes to the table, and is then named 12,000 times with one byte each.
      var block = HTTP2Frame.block([
        (":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/"),
      ])
      var field = HTTP2Frame.block([("x", String(repeating: "y", count: 4_000))])
      field.setInteger(UInt8(0x40), at: 0)
      block.writeImmutableBuffer(field)
      block.writeRepeatingByte(0x80 | 62, count: 12_000)
      return HTTP2Frame.bytes(.headers, flags: 5, stream: 1, block)
    },
    Attack("A flood of PINGs whose answers nobody reads", .disconnected) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker)
      try await http2.connection.setReading(false)
      let sockets = try await attacker.victim.sockets()
      http2.connection.flood(
        Attacker.repeated(HTTP2Frame.bytes(.ping, ByteBuffer(integer: UInt64(7))), 100_000))
      try await eventually("the connection is ended") {
        try await attacker.victim.sockets() < sockets
      }
      return .disconnected
    },
    Attack("More streams at once than are allowed", .reset(7)) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker)
      var bytes = ByteBuffer()
      for number in 0..<129 {
        bytes.writeImmutableBuffer(
          HTTP2Frame.request(UInt32(number * 2 + 1), "/sse/ws/room/attackers/"))
      }
      http2.connection.flood(bytes)
      return try await http2.reset(257)
    },
    Attack("128 WebSockets on each of 5 connections that are left", .served) { attacker in
      for _ in 0..<5 {
        let http2 = try await HTTP2Attacker.connect(attacker)
        var bytes = ByteBuffer()
        for number in 0..<128 {
          bytes.writeImmutableBuffer(
            HTTP2Frame.webSocket(UInt32(number * 2 + 1), "/ws/room/attackers/"))
        }
        http2.connection.flood(bytes)
        _ = try await http2.status(255)
        await http2.connection.close()
      }
      return .served
    },
    Attack("A WebSocket on a stream whose window is shut", .reset(8)) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker, settings: [(4, 0)])
      http2.connection.flood(HTTP2Frame.webSocket(1, "/ws/room/shut/"))
      try await eventually("it is open") { try await http2.status(1) == .statuses([200]) }
      _ = try await attacker.overwhelm("shut", hasSocket: false)
      let answer = try await http2.reset(1)
      #expect(try await http2.expectService(3) == .served)
      return answer
    },
    Attack("A stream of events on a stream whose window is shut", .reset(8)) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker, settings: [(4, 0)])
      http2.connection.flood(HTTP2Frame.request(1, "/sse/ws/room/shut/"))
      try await eventually("it is open") { try await http2.status(1) == .statuses([200]) }
      _ = try await attacker.overwhelm("shut", hasSocket: false)
      let answer = try await http2.reset(1)
      #expect(try await http2.expectService(3) == .served)
      return answer
    },
    Attack("A response that a shut window keeps from leaving", .reset(8)) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker, settings: [(4, 0)])
      http2.connection.flood(HTTP2Frame.request(1))
      return try await http2.reset(1)
    },
    Attack(
      "128 polls for all that was missed, on 3 connections with shut windows,", .statuses([503])
    ) {
      attacker in
      // Answered they would take 1.2 GB.
      let position = try await attacker.fill("unread-streams", events: 100, of: 30_000)
      var answer = Answer.statuses([200])
      for _ in 0..<3 {
        let http2 = try await HTTP2Attacker.connect(attacker, settings: [(4, 0)])
        var bytes = ByteBuffer()
        for number in 0..<128 {
          bytes.writeImmutableBuffer(
            HTTP2Frame.request(
              UInt32(number * 2 + 1), "/poll/ws/room/unread-streams/?\(position)"))
        }
        http2.connection.flood(bytes)
        _ = try await http2.status(1)
        answer = try await http2.status(255)
      }
      return answer
    },
    Attack("A body above the limit", .statuses([413])) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker)
      var bytes = HTTP2Frame.request(1, "/poll/ws/room/attackers/", method: "POST", ends: false)
      for _ in 0..<5 {
        bytes.writeImmutableBuffer(HTTP2Frame.data(1, ByteBuffer(repeating: 32, count: 16_000)))
      }
      http2.connection.flood(bytes)
      return try await http2.status(1)
    },
    Attack("A body that never ends", .reset(8)) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker)
      http2.connection.flood(
        HTTP2Frame.request(1, "/poll/ws/room/attackers/", method: "POST", ends: false))
      http2.connection.flood(HTTP2Frame.data(1, ByteBuffer(string: "{")))
      return try await http2.reset(1)
    },
    Attack("A header block that never ends", .goAway(0)) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker)
      http2.connection.flood(
        HTTP2Frame.headers(1, [(":method", "GET")], ends: true, isWhole: false))
      return try await http2.goAway()
    },
    Attack("Who speaks HTTP/2 and asks for nothing", .goAway(0)) { attacker in
      try await HTTP2Attacker.connect(attacker).goAway()
    },
    Attack("A frame whose bytes come one by one", .served) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker)
      try await http2.connection.drip(HTTP2Frame.request(1))
      return try await http2.expectService(3)
    },
    Attack("10,000 frames of unknown types", .served) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker)
      http2.connection.flood(
        Attacker.repeated(ByteBuffer(bytes: [0, 0, 1, 0xba, 0xff, 0, 0, 0, 0, 0]), 10_000))
      return try await http2.expectService(1)
    },
    Attack("A tree of 10,000 priorities", .served) { attacker in
      let http2 = try await HTTP2Attacker.connect(attacker)
      var bytes = ByteBuffer()
      for number in 0..<10_000 {
        var payload = ByteBuffer(integer: UInt32(number * 2 + 1))
        payload.writeInteger(UInt8(255))
        bytes.writeImmutableBuffer(
          HTTP2Frame.bytes(.priority, stream: UInt32(number * 2 + 3), payload))
      }
      http2.connection.flood(bytes)
      return try await http2.expectService(1)
    },
  ]
}

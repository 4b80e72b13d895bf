import MartletTestSupport
import NIOCore
import Testing

extension Attack {
  private static func message(_ text: String, _ count: Int) -> ByteBuffer {
    Attacker.repeated(Attacker.text(text), count)
  }

  /// The session's own bounds: pending bytes, requests under way, groups, and the rate of publications.
  static let floods = [
    Attack("A flood of 50,000 pings, read by nobody,", .closed(nil)) { attacker in
      // The close frame is behind 256 KiB of pongs that nobody takes.
      try await unread(
        attacker, Attacker.repeated(Attacker.frame(9, Array(repeating: 1, count: 125)), 50_000))
    },
    Attack("A flood of 10,000 pings", .served) { attacker in
      try await attacker.service { client in
        try await client.send(raw: Attacker.repeated(Attacker.frame(9, [7]), 10_000))
        for _ in 0..<10_000 { try await Attacker.expectPong(client) }
      }
    },
    Attack("A flood of 200,000 pongs", .served) { attacker in
      try await attacker.service {
        try await $0.send(raw: Attacker.repeated(Attacker.frame(10, [7]), 200_000))
      }
    },
    Attack("A flood of 100,000 messages of an unknown type, read by nobody,", .closed(nil)) {
      attacker in
      try await unread(attacker, message(#"{"type":"nonsense"}"#, 100_000))
    },
    Attack("A flood of 5,000 publications", .refused("rate_limited")) { attacker in
      try await attacker.refusal {
        try await $0.send(raw: message(#"{"type":"chat_message"}"#, 5_000))
      }
    },
    Attack("Who joins 500 groups", .refused("too_many_groups")) { attacker in
      try await attacker.refusal { client in
        var bytes = ByteBuffer()
        for group in 0..<500 {
          bytes.writeImmutableBuffer(
            Attacker.text(#"{"type":"subscribe","path":"/ws/room/flood-\#(group)/"}"#))
        }
        try await client.send(raw: bytes)
      }
    },
    Attack("Who joins and leaves a group 200 times", .served) { attacker in
      try await attacker.service { client in
        let join = Attacker.text(#"{"type":"subscribe","path":"/ws/room/flood/"}"#)
        let leave = Attacker.text(#"{"type":"unsubscribe","group":"room_flood"}"#)
        for _ in 0..<200 {
          try await client.send(raw: join)
          _ = try await client.message(ofType: "subscribed")
          try await client.send(raw: leave)
        }
      }
    },
    Attack("Who joins a group 5,000 times without a look at the answers", .refused("bad_parameter"))
    {
      attacker in
      try await attacker.refusal {
        try await $0.send(
          raw: message(#"{"type":"subscribe","path":"/ws/room/attackers/"}"#, 5_000))
      }
    },
    Attack("Who leaves in the middle of 200 joins, on 20 connections,", .served) { attacker in
      for connection in 0..<20 {
        let client = try await attacker.join()
        for group in 0..<10 {
          try await client.send(
            #"{"type":"subscribe","path":"/ws/room/torn-\#(connection)-\#(group)/"}"#)
        }
        await client.abort()
      }
      return .served
    },
    Attack("Who comes and goes 60 times", .served) { attacker in
      for _ in 0..<60 { await (try await attacker.join("/ws/room/comes-and-goes/")).abort() }
      return .served
    },
    Attack("Who says 5,000 times what it does", .served) { attacker in
      try await attacker.service { client in
        var bytes = ByteBuffer()
        for page in 0..<5_000 {
          bytes.writeImmutableBuffer(
            Attacker.text(#"{"type":"presence_update","meta":{"page":\#(page)}}"#))
        }
        try await client.send(raw: bytes)
      }
    },
    Attack("Who says too much of itself", .refused("too_large")) { attacker in
      try await attacker.refusal {
        try await $0.send(
          #"{"type":"presence_update","meta":{"page":"\#(String(repeating: "x", count: 10_000))"}}"#
        )
      }
    },
    Attack("Who asks 2,000 times who is there", .served) { attacker in
      try await attacker.service { client in
        try await client.send(raw: message(#"{"type":"presence"}"#, 2_000))
        for _ in 0..<2_000 { _ = try await client.message(ofType: "presence") }
      }
    },
    Attack("Who brings 2,000 bad tokens on one connection", .refused("not_permitted")) { attacker in
      try await attacker.refusal {
        try await $0.send(raw: message(#"{"type":"refresh","token":"a.b.c"}"#, 2_000))
      }
    },
    Attack("A flood of messages that come with the handshake", .served) { attacker in
      let connection = try await attacker.connect()
      var bytes = ByteBuffer(
        string: "GET /ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
          + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
      bytes.writeImmutableBuffer(message(#"{"type":"ping","ref":1}"#, 2_000))
      connection.flood(bytes)
      try await eventually("every one of them is answered") {
        connection.text.split(separator: #"{"type":"pong","ref":1}"#).count >= 2_000
      }
      return .served
    },
  ]

  /// Sends `bytes` on a WebSocket that does not read, until the gateway has had enough.
  private static func unread(_ attacker: Attacker, _ bytes: ByteBuffer) async throws -> Answer {
    let client = try await attacker.join()
    try await client.setReading(false)
    try? await client.send(raw: bytes)
    let before = try await attacker.victim.closes("slow_consumer")
    try await eventually("the gateway closes the connection") {
      try await attacker.victim.closes("slow_consumer") > before || client.isClosed
    }
    return .closed(nil)
  }
}

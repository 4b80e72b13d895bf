import MartletTestSupport
import NIOCore

extension Attack {
  private static func upgrade(
    _ target: String = "/ws/room/attackers/", _ more: String = "", without name: String = "",
    method: String = "GET", version: String = "HTTP/1.1"
  ) -> String {
    let fields = [
      "Host: a", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ].filter { name.isEmpty || !$0.hasPrefix(name) }
    return "\(method) \(target) \(version)\r\n" + fields.joined(separator: "\r\n")
      + "\r\n\(more)\r\n"
  }

  /// What comes behind a handshake that is answered 101: the code of the close frame.
  private static func closeCode(_ attacker: Attacker, _ request: ByteBuffer) async throws -> Answer
  {
    let connection = try await attacker.connect()
    connection.flood(request)
    try await connection.waitForEnd()
    let replies = HTTPReplies(connection.received)
    guard replies.statuses == [101] else { return .statuses(replies.statuses) }
    var rest = replies.rest
    while let head: UInt16 = rest.readInteger(), head >> 8 != 0x88 {
      let short = Int(head & 0x7f)
      let length = short == 126 ? Int(rest.readInteger(as: UInt16.self) ?? 0) : short
      rest.moveReaderIndex(forwardBy: length)
    }
    return .closed(rest.readInteger(as: UInt16.self).map(Int.init))
  }

  static let upgrades = [
    Attack("A request that is pipelined behind an upgrade", .closed(1002)) { attacker in
      // Whatever follows the handshake is WebSocket, also if it came with it: "GE" is a frame with reserved bits.
      try await closeCode(
        attacker,
        ByteBuffer(string: upgrade() + "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"))
    },
    Attack("A close frame that comes with the upgrade", .closed(1000)) { attacker in
      var request = ByteBuffer(string: upgrade())
      request.writeImmutableBuffer(Attacker.frame(8, [3, 232]))
      return try await closeCode(attacker, request)
    },
    Attack("A request that is pipelined behind a refused upgrade", .rejected(404)) { attacker in
      try await attacker.requestUntilEnd(
        upgrade("/nothing") + "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n")
    },
    Attack("An upgrade with a body", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(
        upgrade("/ws/room/attackers/", "Content-Length: 5\r\n") + "hello")
    },
    Attack("An upgrade with a chunked body", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(
        upgrade("/ws/room/attackers/", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n")
    },
    Attack("An upgrade to another protocol", .rejected(426)) { attacker in
      try await attacker.requestUntilEnd(
        "GET /ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
          + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n")
    },
    Attack("An upgrade by POST", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(upgrade(method: "POST"))
    },
    Attack("An upgrade of HTTP/1.0", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(upgrade(version: "HTTP/1.0"))
    },
    Attack("An upgrade without a key", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(upgrade(without: "Sec-WebSocket-Key"))
    },
    Attack("An upgrade with two keys", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(
        upgrade("/ws/room/attackers/", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))
    },
    Attack("An upgrade of version 8", .rejected(426)) { attacker in
      try await attacker.requestUntilEnd(
        upgrade(
          "/ws/room/attackers/", "Sec-WebSocket-Version: 8\r\n", without: "Sec-WebSocket-Version"))
    },
    Attack("An upgrade with a list of extensions that is none", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(
        upgrade("/ws/room/attackers/", "Sec-WebSocket-Extensions: ;;,=\"\r\n"))
    },
    Attack("An upgrade with a thousand offers of compression", .served) { attacker in
      let offers = Array(repeating: "permessage-deflate", count: 500).joined(separator: ", ")
      return try await attacker.service(headers: [("Sec-WebSocket-Extensions", offers)]) { _ in }
    },
    Attack("A field of the handshake with CR and LF in its value", .rejected(400)) { attacker in
      // Echoed, it would end the response's head.
      try await attacker.requestUntilEnd(
        upgrade("/ws/room/attackers/", "Sec-WebSocket-Protocol: chat\rSet-Cookie: x=y\r\n"))
    },
    Attack("A subprotocol that is no token", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(
        upgrade("/ws/room/attackers/", "Sec-WebSocket-Protocol: \"a b\"\r\n"))
    },
  ]
}

import MartletTestSupport
import NIOCore

/// Bytes that are not UTF-8 (RFC 3629), wherever text is expected.
extension Attack {
  private static func text(_ deed: String, _ bytes: [UInt8], closesWith code: Int = 1007) -> Attack
  {
    Attack(deed, .closed(code)) { attacker in
      try await attacker.closeCode { try await $0.send(opcode: 1, bytes) }
    }
  }

  private static func request(_ line: [UInt8], _ fields: [UInt8] = []) -> ByteBuffer {
    var buffer = ByteBuffer(string: "GET ")
    buffer.writeBytes(line)
    buffer.writeString(" HTTP/1.1\r\nHost: a\r\n")
    buffer.writeBytes(fields)
    buffer.writeString("\r\n")
    return buffer
  }

  static let badText = [
    text("A text frame with a byte that UTF-8 does not have", [0x22, 0xff, 0x22]),
    text("A text frame with a continuation byte alone", [0x22, 0x80, 0x22]),
    text("A text frame with half a character", [0x22, 0xe2, 0x82, 0x22]),
    text("A text frame that ends within a character", [0x22, 0xe2, 0x82]),
    text("A text frame with an overlong slash", [0xc0, 0xaf]),
    text("A text frame with a surrogate", [0xed, 0xa0, 0x80]),
    text("A text frame with a character above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]),
    Attack("Half a character at the end of a message in fragments", .closed(1007)) { attacker in
      try await attacker.closeCode { client in
        try await client.send(opcode: 1, [0x22, 0xe2], isFinal: false)
        try await client.send(opcode: 0, [0x82])
      }
    },
    Attack("A character that the next fragment spoils", .closed(1007)) { attacker in
      try await attacker.closeCode { client in
        try await client.send(opcode: 1, [0x22, 0xe2], isFinal: false)
        // Before the message is whole (RFC 6455 §8.1).
        try await client.send(opcode: 0, [0x22], isFinal: false)
      }
    },
    Attack("A close reason that is not UTF-8", .closed(1007)) { attacker in
      try await attacker.closeCode { try await $0.send(opcode: 8, [3, 0xe8, 0xff]) }
    },
    Attack("A JSON string with half a surrogate pair", .refused("malformed")) { attacker in
      try await attacker.refusal { try await $0.send(#"{"type":"ch\ud800at"}"#) }
    },
    Attack("A path with bytes above ASCII", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(request(Array("/ws/room/".utf8) + [0xff, 0xfe]))
    },
    Attack("A path whose escapes are not UTF-8", .statuses([400])) { attacker in
      let connection = try await attacker.connect()
      connection.flood(
        "GET /ws/room/%ff%fe/ HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
      return try await attacker.responses(on: connection, 1)
    },
    Attack("A query whose escapes are not UTF-8", .statuses([400])) { attacker in
      let connection = try await attacker.connect()
      connection.flood("GET /sse/ws/room/attackers/?name=%ff%fe HTTP/1.1\r\nHost: a\r\n\r\n")
      return try await attacker.responses(on: connection, 1)
    },
    Attack("An epoch that is not UTF-8", .statuses([400])) { attacker in
      let connection = try await attacker.connect()
      connection.flood(
        "GET /poll/ws/room/attackers/?epoch=%ff&offset=1 HTTP/1.1\r\nHost: a\r\n\r\n")
      return try await attacker.responses(on: connection, 1)
    },
    Attack("A token that is not UTF-8", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(
        "GET /sse/ws/private/1/?token=a.%ff.c HTTP/1.1\r\nHost: a\r\n\r\n")
    },
    Attack("A bearer that is not UTF-8", .statuses([401])) { attacker in
      let connection = try await attacker.connect()
      connection.flood(
        request(
          Array("/sse/ws/private/1/".utf8),
          Array("Authorization: Bearer a.".utf8) + [0xff] + Array(".c\r\n".utf8)))
      return try await attacker.responses(on: connection, 1)
    },
    Attack("A User-Agent that is not UTF-8", .served) { attacker in
      let connection = try await attacker.connect()
      connection.flood(
        request(
          Array("/sse/ws/room/attackers/".utf8),
          Array("User-Agent: ".utf8) + [0xff, 0xc0] + Array("\r\n".utf8)))
      try await eventually("the stream begins") {
        connection.text.contains("connection_established")
      }
      return .served
    },
    Attack("A Host that is not UTF-8", .rejected(400)) { attacker in
      var bytes = ByteBuffer(string: "GET /nothing HTTP/1.1\r\nHost: ")
      bytes.writeBytes([0xff, 0xfe])
      bytes.writeString("\r\n\r\n")
      return try await attacker.requestUntilEnd(bytes)
    },
    Attack("A Last-Event-ID that is not UTF-8", .statuses([400])) { attacker in
      let connection = try await attacker.connect()
      connection.flood(
        request(
          Array("/sse/ws/room/attackers/".utf8),
          Array("Last-Event-ID: ".utf8) + [0xff] + Array(":1\r\n".utf8)))
      return try await attacker.responses(on: connection, 1)
    },
    Attack("A body that is not UTF-8", .statuses([400])) { attacker in
      let connection = try await attacker.connect()
      var bytes = ByteBuffer(
        string: "POST /poll/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nContent-Length: 28\r\n\r\n"
          + #"{"type":"chat_message","a":"#)
      bytes.writeBytes([0xff])
      return try await {
        connection.flood(bytes)
        return try await attacker.responses(on: connection, 1)
      }()
    },
  ]
}

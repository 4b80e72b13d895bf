import MartletTestSupport
import NIOCore

extension Attack {
  private static let compression = [("Sec-WebSocket-Extensions", "permessage-deflate")]

  private static func frame(
    _ deed: String, _ code: Int = 1002, headers: [(String, String)] = [],
    _ send: @escaping @Sendable (WebSocketTestClient) async throws -> Void
  ) -> Attack {
    Attack(deed, .closed(code)) { try await $0.closeCode(headers: headers, after: send) }
  }

  /// RFC 6455 §5, RFC 7692 §6.
  static let frames = [
    frame("A frame without a mask") {
      try await $0.send(opcode: 1, Array("{}".utf8), isMasked: false)
    },
    frame("A frame with RSV1 and no compression") {
      try await $0.send(opcode: 1, Array("{}".utf8), reservedBits: 4)
    },
    frame("A frame with RSV2") { try await $0.send(opcode: 1, Array("{}".utf8), reservedBits: 2) },
    frame("A frame with RSV3") { try await $0.send(opcode: 1, Array("{}".utf8), reservedBits: 1) },
    frame("A ping with RSV1 where messages are compressed", headers: compression) {
      try await $0.send(opcode: 9, [], reservedBits: 4)
    },
    frame("A continuation with RSV1", headers: compression) {
      try await $0.send(opcode: 1, [1], isFinal: false, reservedBits: 4)
      try await $0.send(opcode: 0, [1], reservedBits: 4)
    },
    frame("An unknown data opcode") { try await $0.send(opcode: 3, []) },
    frame("An unknown control opcode") { try await $0.send(opcode: 11, []) },
    frame("A ping in fragments") { try await $0.send(opcode: 9, [], isFinal: false) },
    frame("A ping of 126 bytes") { try await $0.send(opcode: 9, Array(repeating: 0, count: 126)) },
    frame("A continuation of nothing") { try await $0.send(opcode: 0, [1]) },
    frame("A message inside a message") {
      try await $0.send(opcode: 1, [123], isFinal: false)
      try await $0.send(opcode: 1, [125])
    },
    frame("A length that is not written in its shortest form") {
      try await $0.send(raw: ByteBuffer(bytes: [0x81, 0xfe, 0, 2, 0, 0, 0, 0, 123, 125]))
    },
    frame("A length of 64 bits for 2 bytes") {
      try await $0.send(raw: ByteBuffer(bytes: [0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]))
    },
    frame("A negative length") {
      try await $0.send(
        raw: ByteBuffer(bytes: [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    },
    frame("A close frame of one byte") { try await $0.send(opcode: 8, [3]) },
    frame("A close frame with code 1005") { try await $0.send(opcode: 8, [3, 0xed]) },
    frame("A close frame with code 999") { try await $0.send(opcode: 8, [3, 0xe7]) },
    frame("A close frame with code 65535") { try await $0.send(opcode: 8, [0xff, 0xff]) },
    frame("A compressed message that is none", 1007, headers: compression) {
      try await $0.send(opcode: 1, Array(repeating: 0xff, count: 100), reservedBits: 4)
    },
    frame("A second close frame, and data behind it,", 1000) {
      try await $0.send(opcode: 8, [3, 0xe8])
      try? await $0.send(opcode: 8, [0xff, 0xff])
      try? await $0.send(#"{"type":"chat_message"}"#)
    },
    frame("A flood of 20,000 close frames", 1000) {
      try await $0.send(raw: Attacker.repeated(Attacker.frame(8, [3, 0xe8]), 20_000))
    },
    frame("A plain HTTP request on a WebSocket") {
      try await $0.send(raw: ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    },
    Attack("A message whose frames come byte by byte", .served) { attacker in
      try await attacker.service {
        for byte in Attacker.text(#"{"type":"ping","ref":1}"#).readableBytesView {
          try await $0.send(raw: ByteBuffer(bytes: [byte]))
        }
      }
    },
    Attack("A message in fragments of one byte, with pings between", .served) { attacker in
      try await attacker.service { client in
        let text = Array(#"{"type":"ping","ref":1}"#.utf8)
        for (index, byte) in text.enumerated() {
          try await client.send(
            opcode: index == 0 ? 1 : 0, [byte], isFinal: index == text.count - 1)
          try await client.send(opcode: 9, [byte])
        }
      }
    },
    Attack("A binary message", .refused("binary")) { attacker in
      try await attacker.refusal { try await $0.send(opcode: 2, [1, 2, 3]) }
    },
  ]
}

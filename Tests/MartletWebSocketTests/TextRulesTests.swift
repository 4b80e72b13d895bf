import MartletTestSupport
import MartletWebSocket
import NIOCore
import Testing

/// RFC 6455 §5.6 and §8.1: a text message is UTF-8, which is known with the first byte that is wrong.
@Suite struct TextRulesTests {
  private static let valid: [[UInt8]] = [
    Array("κόσμε".utf8), [0x00], [0x7F], [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80],
    [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80], [0xEF, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80],
    [0xF4, 0x8F, 0xBF, 0xBF],
  ]

  /// With how many bytes it takes to know.
  private static let invalid: [(bytes: [UInt8], known: Int)] = [
    ([0x80], 1), ([0xBF], 1), ([0xC0], 1), ([0xC1], 1), ([0xF5], 1), ([0xFF], 1),
    ([0xC2, 0x41], 2), ([0xE0, 0x9F], 2), ([0xED, 0xA0], 2), ([0xF0, 0x8F], 2), ([0xF4, 0x90], 2),
    ([0xE1, 0x80, 0x41], 3), ([0xE1, 0x80, 0xC2], 3), ([0xF1, 0x80, 0x80, 0x41], 4),
  ]

  @Test(
    "§8.1: every kind of character is taken, however the text is cut", arguments: WebSocketRole.both
  )
  func validText(role: WebSocketRole) {
    for padding in [0, 7, 8, 15, 16, 17, 40] {
      for bytes in Self.valid {
        let text = [UInt8](repeating: 0x61, count: padding) + bytes + [0x62]
        let expected = Reception(events: [.text(ByteBuffer(bytes: text))])
        let whole = [RawFrame(opcode: 1, payload: text)]
        #expect(Reception(whole, role) == expected)
        #expect(Reception(whole, role, part: 1) == expected)
        #expect(Reception(Self.fragments(of: text), role) == expected)
      }
    }
  }

  @Test("§8.1: a text is refused with the first byte that is wrong", arguments: WebSocketRole.both)
  func failFast(role: WebSocketRole) {
    for padding in [0, 7, 16, 33] {
      for (bytes, known) in Self.invalid {
        let text = [UInt8](repeating: 0x61, count: padding) + bytes
        // The rest of the message never comes.
        let frame = RawFrame(opcode: 1, payload: text + [UInt8](repeating: 0x61, count: 9))
        let wire = frame.wire(from: role.peer)
        let needed = wire.count - 9 - bytes.count + known
        #expect(Reception(wire: Array(wire.prefix(needed - 1)), role) == Reception())
        #expect(
          Reception(wire: Array(wire.prefix(needed)), role) == Reception(violation: .textNotUTF8))
        let fragments = Self.fragments(of: text).prefix(padding + known)
        #expect(Reception(Array(fragments), role) == Reception(violation: .textNotUTF8))
      }
    }
  }

  @Test("§8.1: a message does not end within a character", arguments: WebSocketRole.both)
  func incompleteCharacter(role: WebSocketRole) {
    for bytes: [UInt8] in [[0xC2], [0xE1, 0x80], [0xF1, 0x80, 0x80]] {
      let whole = [RawFrame(opcode: 1, payload: bytes)]
      #expect(Reception(whole, role) == Reception(violation: .textNotUTF8))
      #expect(Reception(whole, role, part: 1) == Reception(violation: .textNotUTF8))
      let fragments: [RawFrame] = [
        RawFrame(opcode: 1, payload: bytes, isFinal: false), .more(""),
      ]
      #expect(Reception(fragments, role) == Reception(violation: .textNotUTF8))
    }
  }

  @Test("§5.6: a binary message may be anything", arguments: WebSocketRole.both)
  func binary(role: WebSocketRole) {
    for (bytes, _) in Self.invalid {
      #expect(Reception([.binary(bytes)], role) == Reception(events: [.binary(bytes)]))
    }
  }

  @Test("§8.1: what is valid is what the standard library takes for valid")
  func randomBytes() {
    let seed = UInt64.random(in: 0 ... .max)
    print("TextRulesTests.randomBytes seed: \(seed)")
    var generator = SeededGenerator(seed: seed)
    let bytes: [UInt8] = [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2, 0xDF, 0xE0, 0xE1]
    let leads: [UInt8] = [0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5]
    for _ in 0..<4000 {
      let text = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
        (bytes + leads).randomElement(using: &generator) ?? 0
      }
      let isValid = String(validating: text, as: UTF8.self) != nil
      let expected =
        isValid
        ? Reception(events: [.text(ByteBuffer(bytes: text))])
        : Reception(violation: .textNotUTF8)
      let frames = [RawFrame(opcode: 1, payload: text)]
      #expect(Reception(frames, .server) == expected, "\(text)")
      #expect(Reception(frames, .server, part: 1) == expected, "\(text)")
    }
  }

  /// One for each byte, and an empty last one.
  private static func fragments(of text: [UInt8]) -> [RawFrame] {
    text.enumerated().map { index, byte in
      RawFrame(opcode: index == 0 ? 1 : 0, payload: [byte], isFinal: false)
    } + [.more("")]
  }
}

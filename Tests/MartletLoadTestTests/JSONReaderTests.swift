import MartletTestSupport
import Testing

@testable import MartletLoadTest

@Suite struct JSONReaderTests {
  /// Byte by byte, as the grammar says it (RFC 8259 §7).
  private func end(of text: [UInt8]) -> Int? {
    var index = 1
    while index < text.count {
      switch text[index] {
      case UInt8(ascii: "\""): return index
      case UInt8(ascii: "\\"): index += 2
      default: index += 1
      }
    }
    return nil
  }

  @Test func `Strings end where the grammar says, whatever is in them and wherever they lie`()
    throws
  {
    let seed = UInt64.random(in: 0 ... .max)
    var generator = SeededGenerator(seed: seed)
    // What is near a quotation mark and a backslash, and what has the highest bit.
    let alphabet: [UInt8] = [
      0x20, 0x21, 0x22, 0x23, 0x5B, 0x5C, 0x5D, 0x61, 0x80, 0xA2, 0xDC, 0xFF,
    ]
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...40, using: &generator)
      // Mostly plain, so that strings are long.
      let text =
        [UInt8(ascii: "\"")]
        + (0..<count).map { _ in
          Int.random(in: 0..<8, using: &generator) > 0
            ? 0x61 : alphabet.randomElement(using: &generator) ?? 0x61
        }
      let shift = Int.random(in: 0...8, using: &generator)
      let bytes = Array(String(repeating: " ", count: shift).utf8) + [UInt8(ascii: "{")] + text
      let expected = end(of: text).map { shift + 2..<shift + 1 + $0 }
      var reader = try JSONReader(bytes.span, at: shift)
      #expect((try? reader.string(bytes.span)) == expected, "\(bytes) with seed \(seed)")
    }
  }

  @Test func `Keys are told apart by length, beginning and end, wherever they stand`() {
    let names = [
      "", "a", "b", "ab", "abcdefg", "abcdefgh", "abcdefgi", "abcdefghi", "abcdefgh1234",
    ]
    for name in names {
      for other in names {
        for padding in ["", "\"", "........................"] {
          let bytes = Array(("..." + other + padding).utf8)
          let found = JSONKey(bytes.span, 3..<(3 + other.utf8.count))
          #expect((found == JSONKey(name)) == (name == other), "\(name) and \(other)")
        }
      }
    }
  }
}

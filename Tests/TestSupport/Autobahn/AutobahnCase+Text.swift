internal import MartletWebSocket
internal import NIOCore

// MARK: 6 UTF-8 handling

extension AutobahnCase {
  package static let text: [AutobahnCase] = {
    let greeting = Array("Hello-µ@ßöäüàá-UTF-8!!".utf8)
    let middle = "middle frame payload"
    let invalid = kosme + [0xED, 0xA0, 0x80] + Array("edited".utf8)
    let (left, right) = (greeting.prefix(14), greeting.dropFirst(14))
    let heard = WebSocketEvent.text(ByteBuffer(bytes: greeting))
    return [
      AutobahnCase("6.1.1", [.text("")], [.text("")]),
      AutobahnCase(
        "6.1.2", [.text("", isFinal: false), .more("", isFinal: false), .more("")], [.text("")]),
      AutobahnCase(
        "6.1.3", [.text("", isFinal: false), .more(middle, isFinal: false), .more("")],
        [.text(middle)]),
      AutobahnCase("6.2.1", [RawFrame(opcode: 1, payload: greeting)], [heard]),
      AutobahnCase(
        "6.2.2",
        [RawFrame(opcode: 1, payload: Array(left), isFinal: false), .more(Array(right))], [heard]),
      AutobahnCase("6.2.3", byteFragments(greeting), [heard]),
      AutobahnCase("6.2.4", byteFragments(kosme), [.text(ByteBuffer(bytes: kosme))]),
      AutobahnCase("6.3.1", [RawFrame(opcode: 1, payload: invalid)], [], failed: 1007),
      AutobahnCase("6.3.2", byteFragments(invalid), [], failed: 1007),
    ]
      + sequences.enumerated().flatMap { group, category in
        category.enumerated().map { index, sequence in
          AutobahnCase(
            "6.\(group + 5).\(index + 1)", [RawFrame(opcode: 1, payload: sequence.bytes)],
            sequence.isValid ? [.text(ByteBuffer(bytes: sequence.bytes))] : [],
            failed: sequence.isValid ? nil : 1007)
        }
      }
  }()

  /// 6.4: what comes before the text is known to be wrong, what makes it so, and the rest.
  package static let failFast: [(id: String, parts: [[UInt8]], isFragmented: Bool)] = {
    let invalid = kosme + [0xF4, 0x90, 0x80, 0x80] + Array("edited".utf8)
    let wide = [kosme, [0xF4, 0x90, 0x80, 0x80], Array("edited".utf8)]
    let narrow = [Array(invalid[..<12]), [invalid[12]], Array(invalid[13...])]
    return [
      ("6.4.1", wide, true), ("6.4.2", narrow, true), ("6.4.3", wide, false),
      ("6.4.4", narrow, false),
    ]
  }()

  private static let kosme: [UInt8] = [
    0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xCF, 0x83, 0xCE, 0xBC, 0xCE, 0xB5,
  ]

  static func byteFragments(_ payload: [UInt8]) -> [RawFrame] {
    payload.enumerated().map { index, byte in
      RawFrame(
        opcode: index == 0 ? 1 : 0, payload: [byte], isFinal: index == payload.count - 1)
    }
  }

  // MARK: 6.5 to 6.23, after Markus Kuhn's UTF-8 decoder stress test

  private typealias Sequence = (isValid: Bool, bytes: [UInt8])

  private static let sequences: [[Sequence]] = [
    [
      good("68656c6c6f24776f726c64"), good("68656c6c6fc2a2776f726c64"),
      good("68656c6c6fe282ac776f726c64"), good("68656c6c6ff0a4ada2776f726c64"),
      (true, kosme),
    ],
    (1...kosme.count).map { ([2, 5, 7, 9, 11].contains($0), Array(kosme.prefix($0))) },
    [good("00"), good("c280"), good("e0a080"), good("f0908080")],
    [bad("f888808080"), bad("fc8480808080")],
    [good("7f"), good("dfbf"), good("efbfbf"), good("f48fbfbf")],
    [bad("f7bfbfbf"), bad("fbbfbfbfbf"), bad("fdbfbfbfbfbf")],
    [good("ed9fbf"), good("ee8080"), good("efbfbd"), good("f48fbfbf"), bad("f4908080")],
    (1...6).map { bad(String("80bf80bf80bf".prefix($0 * 2))) } + [bad("bf")]
      + [(false, Array(0x80..<0xBF))],
    [0xC0..<0xDF, 0xE0..<0xEF, 0xF0..<0xF7, 0xF8..<0xFB, 0xFC..<0xFD].map { range in
      (false, range.flatMap { [$0, 0x20] as [UInt8] })
    },
    unfinished,
    [(false, unfinished.flatMap(\.bytes))],
    [bad("fe"), bad("ff"), bad("fefeffff")],
    [bad("c0af"), bad("e080af"), bad("f08080af"), bad("f8808080af"), bad("fc80808080af")],
    [bad("c1bf"), bad("e09fbf"), bad("f08fbfbf"), bad("f887bfbfbf"), bad("fc83bfbfbfbf")],
    [bad("c080"), bad("e08080"), bad("f0808080"), bad("f880808080"), bad("fc8080808080")],
    [
      bad("eda080"), bad("edadbf"), bad("edae80"), bad("edafbf"), bad("edb080"), bad("edbe80"),
      bad("edbfbf"),
    ],
    ["eda080", "edadbf", "edae80", "edafbf"].flatMap { [bad($0 + "edb080"), bad($0 + "edbfbf")] },
    nonCharacters,
    ["efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"].map(good),
  ]

  private static let unfinished: [Sequence] = [
    "c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf",
    "fdbfbfbfbf",
  ].map(bad)

  /// The last two of each plane: valid UTF-8 all the same.
  private static let nonCharacters: [Sequence] =
    (0...16).flatMap { plane in
      [0xFFFE, 0xFFFF].compactMap { Unicode.Scalar(UInt32(plane << 16 | $0)) }
    }.map { (true, Array(String(Character($0)).utf8)) }

  private static func good(_ hexadecimal: String) -> Sequence {
    (true, bytes(hexadecimal))
  }

  private static func bad(_ hexadecimal: String) -> Sequence {
    (false, bytes(hexadecimal))
  }

  private static func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = Array(hexadecimal)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...$0 + 1]), radix: 16)
    }
  }
}

import MartletTestSupport
import Testing

@testable import MartletCore

@Suite struct JSONScannerTests {
  private func scan(_ text: String) throws -> JSONScanner.Layout {
    try JSONScanner.object(in: Array(text.utf8).span)
  }

  @Test(arguments: [
    "{}", #"{"a":1}"#, #" {"a" : [1, -2.5e+3, true, false, null, "x"] } "#,
    #"{"a":{"b":{"c":[]}}}"#, #"{"é":"ü😀","x":"\u00e9\ud83d\ude00\n\"\\\/"}"#,
    #"{"a":0,"b":-0,"c":0.1}"#,
  ])
  func `Well-formed objects are accepted`(text: String) throws {
    _ = try scan(text)
  }

  @Test(arguments: [
    "", "[]", "1", #""text""#, "{", "}", "{]", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{a:1}"#,
    #"{"a":01}"#, #"{"a":1.}"#, #"{"a":+1}"#, #"{"a":.5}"#, #"{"a":1e}"#, #"{"a":tru}"#,
    #"{"a":"\x"}"#, #"{"a":"\u12"}"#, "{\"a\":\"line\nbreak\"}", #"{"a":"open}"#, #"{"a":1} x"#,
    #"{"a":"\ud83d"}"#, #"{"a":"\ude00"}"#, #"{"a":"\ud83d\ud83d"}"#, #"{"a":"\ud83dx"}"#,
    #"{"a":[1,]}"#, #"{"a":[1 2]}"#, #"{"a":1 "b":2}"#, #"{"a":nulll}"#, "{'a':1}",
  ])
  func `Anything else is refused`(text: String) {
    #expect(throws: JSONScanner.Failure.self) { try scan(text) }
  }

  @Test(arguments: [
    ("{}", "{}"), (" { \"a\" :\t[ 1 , 2 ]\r\n} ", #"{"a":[1,2]}"#),
    (#"{"a b":" c  d "}"#, #"{"a b":" c  d "}"#),
    (#"{"a":"\" , \\" , "b":1}"#, #"{"a":"\" , \\","b":1}"#),
    ("[ true , null , -1.5e+3 ]", "[true,null,-1.5e+3]"), ("\"\u{2028} é\"", "\"\u{2028} é\""),
  ])
  func `White space between tokens is taken out, and none within texts`(
    text: String, minified: String
  ) {
    #expect(JSONText.minified(text.utf8) == minified)
  }

  @Test func `Members are found at their bytes`() throws {
    let text = #" {"type":"x", "n" :[1,2],"o":{"k":1}} "#
    let bytes = Array(text.utf8)
    let layout = try scan(text)
    func slice(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
    #expect(layout.members.map { slice($0.key) } == [#""type""#, #""n""#, #""o""#])
    #expect(layout.members.map { slice($0.value) } == [#""x""#, "[1,2]", #"{"k":1}"#])
    #expect(layout.members.map(\.kind) == [.string, .array, .object])
    #expect(slice(layout.object) == text.dropFirst().dropLast())
  }

  @Test func `Nesting is limited`() throws {
    func nested(_ depth: Int) -> String {
      #"{"a":"# + String(repeating: "[", count: depth - 1)
        + String(repeating: "]", count: depth - 1)
        + "}"
    }
    _ = try scan(nested(JSONScanner.maximumDepth))
    #expect(throws: JSONScanner.Failure.self) { try scan(nested(JSONScanner.maximumDepth + 1)) }
    #expect(throws: JSONScanner.Failure.self) { try scan(nested(100_000)) }
  }

  @Test(arguments: [
    [0xc3, 0x28], [0xff], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf4, 0x90, 0x80, 0x80],
  ])
  func `Bytes that are not UTF-8 are refused`(bad: [UInt8]) {
    let bytes = Array(#"{"a":""#.utf8) + bad + Array(#""}"#.utf8)
    #expect(throws: JSONScanner.Failure.self) { try JSONScanner.object(in: bytes.span) }
  }

  @Test func `Random bytes never crash the scanner`() {
    let seed = UInt64.random(in: 0 ... .max)
    print("JSONScannerTests seed: \(seed)")
    var random = SeededGenerator(seed: seed)
    let alphabet = Array("{}[]\",:\\u0123456789.eE+-truefalsn \u{1}é".utf8)
    var accepted = 0
    for _ in 0..<20_000 {
      let length = Int.random(in: 0...24, using: &random)
      let bytes =
        [UInt8(ascii: "{")]
        + (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
        + [UInt8(ascii: "}")]
      if (try? JSONScanner.object(in: bytes.span)) != nil { accepted += 1 }
    }
    #expect(accepted < 20_000)
  }
}

@Suite struct JSONTextTests {
  @Test(arguments: [
    "", "plain", "quote \" backslash \\ slash /", "\n\r\t\u{8}\u{c}\u{0}\u{1f}", "é ü 😀 \u{2028}",
  ])
  func `Quoting and unquoting gives the text back`(text: String) throws {
    let quoted = JSONText.quoted(text)
    _ = try JSONScanner.object(in: Array("{\(quoted):\(quoted)}".utf8).span)
    #expect(JSONText.unquoted(Array(quoted.utf8)) == text)
  }

  @Test func `Escapes of any kind are understood`() {
    #expect(JSONText.unquoted(Array(#""\u0041\uD83D\uDE00\/\b\f""#.utf8)) == "A😀/\u{8}\u{c}")
    #expect(JSONText.unquoted(Array(#""\uD83Dx""#.utf8)) == "\u{fffd}x")
  }
}

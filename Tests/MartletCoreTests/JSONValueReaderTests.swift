import Testing

@testable import MartletCore

@Suite struct JSONValueReaderTests {
  private func read(_ text: String) throws -> [String: JSONValue] {
    try JSONValueReader.object(Array(text.utf8))
  }

  @Test func `Every kind of value is read`() throws {
    let text = #"""
       { "s" : "a\"\u00e9\ud83d\ude00\\" , "n":-1.5e2,"z":0, "t":true,"f":false,"u":null,
      "a":[1,[],{} , "x"],"o":{"a":{"b":[ ]}},"":1 }
      """#
    #expect(
      try read(text) == [
        "s": .string("a\"é😀\\"), "n": .number(-150), "z": .number(0), "t": .bool(true),
        "f": .bool(false), "u": .null,
        "a": .array([.number(1), .array([]), .object([:]), .string("x")]),
        "o": .object(["a": .object(["b": .array([])])]), "": .number(1),
      ])
    #expect(try read("{}") == [:])
  }

  @Test(arguments: [
    #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"{"x":{"a":1,"a":2}}"#, #"{"x":[{"a":1,"a":2}]}"#,
    #"{"é":1,"\u00e9":2}"#,
  ])
  func `A name stands once`(text: String) {
    #expect(throws: JSONScanner.Failure.self) { try read(text) }
  }

  @Test(arguments: [
    "", "[]", "1", "{", #"{"a":}"#, #"{"a":1e400}"#, #"{"a":-1e400}"#, #"{"a":NaN}"#,
    #"{"a":Infinity}"#, #"{"a":01}"#, #"{"a":1}x"#, "\u{feff}{}", #"{"a":"#,
    #"{"a":"# + String(repeating: "[", count: 65) + String(repeating: "]", count: 65) + "}",
  ])
  func `What is no JSON object, or has numbers without a value, is refused`(text: String) {
    #expect(throws: JSONScanner.Failure.self) { try read(text) }
  }

  @Test func `Bytes that are no UTF-8 are refused`() {
    #expect(throws: JSONScanner.Failure.self) {
      try JSONValueReader.object([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])
    }
  }

  @Test func `Names that look alike to Swift are taken for one, and refused`() throws {
    // Swift's strings compare by canonical equivalence, JSON's names by code points (RFC 8259 §8.3).
    #expect(throws: JSONScanner.Failure.self) { try read("{\"e\u{301}\":1,\"\u{e9}\":2}") }
  }
}

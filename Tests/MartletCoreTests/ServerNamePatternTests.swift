import MartletCore
import Testing

@Suite struct ServerNamePatternTests {
  @Test(arguments: [
    ("chat.example", "chat.example", false), ("Chat.EXAMPLE.", "chat.example", false),
    ("*.Example", "example", true), ("localhost", "localhost", false),
    ("xn--mrz-qla.example", "xn--mrz-qla.example", false), ("a_b.c-d.1", "a_b.c-d.1", false),
    (String(repeating: "x", count: 63), String(repeating: "x", count: 63), false),
  ])
  func `A host name, or an asterisk for its first label`(
    text: String, name: String, isWildcard: Bool
  ) throws {
    let pattern = try #require(ServerNamePattern(text))
    #expect(pattern.name == name && pattern.isWildcard == isWildcard)
  }

  @Test(arguments: [
    "", ".", "*", "*.", "a..b", "a.*.b", "a*.b", "*a.b", "*.*.b", "m\u{e4}rz.example",
    "a b.example", "a.example:443", String(repeating: "x", count: 64),
    String(repeating: "x.", count: 128),
  ])
  func `Anything else is none`(text: String) {
    #expect(ServerNamePattern(text) == nil)
  }
}

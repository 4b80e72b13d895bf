import Testing

@testable import MartletConfiguration

/// What the reader offers to files of other programs.
@Suite struct ReadingTests {
  private func value(
    _ yaml: String, environment: [String: String] = [:]
  ) throws -> ConfigurationNode {
    var root = try ConfigurationDocument(file: "m.yaml", environment: environment).root(of: yaml)
    return try root.required("value", "something")
  }

  @Test(arguments: [
    ("value: hello", #""hello""#), ("value: \"a\\\"b\\n\"", #""a\"b\n""#),
    ("value: true", "true"), ("value: 'true'", #""true""#), ("value: yes", #""yes""#),
    ("value: 1.50", "1.50"), ("value: -0", "-0"), ("value: 1e9", "1e9"), ("value: '7'", #""7""#),
    ("value: 0x1F", #""0x1F""#), ("value: 007", #""007""#), ("value: .5", #"".5""#),
    ("value: 1.", #""1.""#), ("value: -a", #""-a""#), ("value: 2026-01-01", #""2026-01-01""#),
    ("value: [1, [], ~, a]", #"[1,[],null,"a"]"#),
    ("value: {b: 1, a: {c: }, \"d\\\"\": ''}", #"{"b":1,"a":{"c":null},"d\"":""}"#),
    ("value: ${NAME}", #""N\"1""#), ("value: '{client} ${NAME}'", #""{client} N\"1""#),
  ])
  func `A value is rendered as JSON`(yaml: String, json: String) throws {
    #expect(try value(yaml, environment: ["NAME": "N\"1"]).json() == json)
  }

  @Test func `Members come without braces, and errors inside have a place`() throws {
    #expect(try value("value: {b: 1, a: x}").jsonMembers() == #""b":1,"a":"x""#)
    let error = #expect(throws: ConfigurationError.self) {
      try value("value:\n  - a\n  - b: ${NONE}").json()
    }
    #expect(error?.key == "value[1].b" && error?.line == 3)
    #expect(throws: ConfigurationError.self) { try value("value: [1]").jsonMembers() }
  }

  @Test(arguments: [
    ("value.list[1].b", "value.list[1].b", 4), ("value.list[1].c", "value.list[1]", 4),
    ("value.list[2]", "value.list", 3), ("value.lis", "value", 2), ("other", "", 1),
  ])
  func `The nearest place of a key is found`(key: String, found: String, line: Int) throws {
    let yaml = """
      value:
        list:
          - a
          - b: 1
      """
    let root = try ConfigurationDocument(file: "m.yaml", environment: [:]).root(of: yaml)
    let place = root.node.nearest(to: key)
    #expect(place.key == found)
    #expect(place.error("").line == line)
  }
}

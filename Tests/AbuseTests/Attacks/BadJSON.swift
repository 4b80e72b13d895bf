import MartletTestSupport
import NIOCore
import Testing

extension Attack {
  private static func json(_ deed: String, _ text: String, code: String = "malformed") -> Attack {
    Attack(deed, .refused(code)) { attacker in
      try await attacker.refusal { try await $0.send(raw: Attacker.text(text)) }
    }
  }

  static let badJSON = [
    json(
      "JSON nested 20,000 deep",
      #"{"type":"chat_message","a":"# + String(repeating: "[", count: 20_000)
        + String(repeating: "]", count: 20_000) + "}"),
    json(
      "JSON nested one deeper than is allowed",
      #"{"type":"chat_message","a":"# + String(repeating: "[", count: 64)
        + String(repeating: "]", count: 64) + "}"),
    json("JSON that opens 12,000 objects", String(repeating: #"{"a":"#, count: 12_000)),
    json("60,000 bytes of spaces", String(repeating: " ", count: 60_000)),
    json("Text that is no JSON", "GET / HTTP/1.1"),
    json("Two objects", #"{"type":"ping"}{"type":"ping"}"#),
    json("A list", #"[{"type":"ping"}]"#),
    json("A number with a leading zero", #"{"type":"chat_message","a":01}"#),
    json("Not a number", #"{"type":"chat_message","a":NaN}"#),
    json("A comment", #"{"type":"chat_message"/* */}"#),
    json("A control character in a string", "{\"type\":\"chat_message\",\"a\":\"\u{1}\"}"),
    json("A byte order mark", "\u{feff}{\"type\":\"ping\"}"),
    json("A type that stands twice", #"{"type":"chat_message","type":"nonsense"}"#),
    json(
      "A type that stands twice, once with an escape,",
      #"{"type":"chat_message","typ\u0065":"nonsense"}"#),
    json(
      "A sender of its own", #"{"type":"chat_message","sender":{"id":"root"}}"#,
      code: "reserved_field"),
    json(
      "A sender of its own in disguise",
      #"{"type":"chat_message","s\u0065nder":{"id":"root"}}"#, code: "reserved_field"),
    json(
      "An offset of its own", #"{"type":"chat_message","offset":1e400}"#, code: "reserved_field"),
    json(
      "A ref of 1,000 digits", #"{"type":"ping","ref":\#(String(repeating: "1", count: 1_000))}"#),
    json("A ref that stands twice", #"{"type":"ping","ref":1,"ref":2}"#),
    json("A ref with an exponent", #"{"type":"ping","ref":1e999999999}"#),
    json(
      "A position beyond all numbers",
      #"{"type":"subscribe","path":"/ws/room/x/","position":{"epoch":"a","offset":1e999999}}"#,
      code: "malformed"),
    json(
      "A group that does not exist",
      #"{"type":"chat_message","group":"room_honest"}"#, code: "not_subscribed"),
    json(
      "A path out of the path",
      #"{"type":"subscribe","path":"/ws/room/../private/1/"}"#, code: "not_found"),
    json(
      "A path into another group's name",
      #"{"type":"subscribe","path":"/ws/room/a%2fb/"}"#, code: "bad_parameter"),
    Attack("A number of 60,000 digits", .served) { attacker in
      // It is passed on as it is, never calculated with.
      try await attacker.service { client in
        try await client.send(
          raw: Attacker.text(
            #"{"type":"chat_message","a":\#(String(repeating: "9", count: 60_000))}"#))
        var echo = ""
        while !echo.contains("chat_message") { echo = try await client.frame().text }
        #expect(echo.contains(String(repeating: "9", count: 60_000)))
      }
    },
    Attack("6,000 members of one object", .served) { attacker in
      try await attacker.service { client in
        let members = (0..<6_000).map { #""\#($0)":0"# }.joined(separator: ",")
        try await client.send(
          raw: Attacker.text(#"{"type":"chat_message","ref":1,\#(members)}"#))
        _ = try await client.message(ofType: "ack")
      }
    },
  ]
}

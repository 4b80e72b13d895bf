import MartletCore
import NIOCore
import Testing

@testable import MartletPresence

@Suite("Presence as text")
struct PresenceTextTests {
  private static let strange = User(id: "a \"b\"\n c", name: "\u{1F41F} d")

  @Test(
    "reports are read as they were written",
    arguments: [
      PresenceReport.Body.operations([]),
      .operations([
        .join(Examples.session("c1", strange)),
        .leave(group: Examples.group, connectionID: "c1"),
      ]),
      .snapshot([]),
      .snapshot([Examples.session("c1"), Examples.session("c2", User(id: "x", name: nil))]),
      .goodbye,
    ])
  func reports(body: PresenceReport.Body) {
    let (kind, lines) = PresenceText.encode(body)
    let fields = [
      "g": ByteBuffer(string: "g-1"), "n": ByteBuffer(string: "18446744073709551615"),
      "k": ByteBuffer(string: kind), "o": lines,
    ]
    #expect(
      PresenceText.report(fields: fields)
        == PresenceReport(gateway: "g-1", sequence: .max, body: body))
  }

  @Test("what is not a report is refused", arguments: ["+ room c1", "? room c1", "+ room c1 {"])
  func malformed(line: String) {
    let fields = ["g": "g", "n": "1", "k": "o", "o": line].mapValues { ByteBuffer(string: $0) }
    #expect(PresenceText.report(fields: fields) == nil)
  }

  @Test("fields and values of members are read as they were written")
  func members() {
    let fields = [
      MemberField.connection(ConnectionKey(gateway: "g-1", connectionID: "c-1")),
      .departing(userID: Self.strange.id),
    ]
    for field in fields { #expect(PresenceText.field(PresenceText.encode(field)) == field) }
    let value = MemberValue(user: Self.strange, joined: 7)
    #expect(PresenceText.value(ByteBuffer(string: PresenceText.encode(value))) == value)
    #expect(PresenceText.field("x") == nil)
    #expect(PresenceText.value(ByteBuffer(string: "[]")) == nil)
  }

  @Test("a gateway knows its own connections better than what is persisted")
  func merge() {
    func stored(_ gateway: String, _ id: String, _ user: User, _ joined: Int64)
      -> (MemberField, MemberValue)
    {
      let key = ConnectionKey(gateway: gateway, connectionID: id)
      return (.connection(key), MemberValue(user: user, joined: joined))
    }
    let members = MemberList.merge(
      [
        stored("other", "c1", Examples.bob, 2), stored("own", "gone", Examples.bob, 2),
        stored("own", "gone too", Examples.ann, 1),
      ], gateway: "own", local: [Examples.session("new", User(id: "cy", name: nil))])
    #expect(members.map { "\($0.user.id):\($0.connections)" } == ["ann:0", "bob:1", "cy:1"])
  }
}

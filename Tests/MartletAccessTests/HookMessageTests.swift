import MartletCore
import MartletTestSupport
import Testing

@testable import MartletAccess

/// What is said to the back end, and which answers are understood.
@Suite struct HookMessageTests {
  private func body(_ question: AccessQuestion) throws -> JSONObject {
    try JSONObject(String(decoding: HookMessage.body(question), as: UTF8.self))
  }

  private func answer(_ text: String, _ event: AccessEvent = .join) -> HookMessage.Answer? {
    HookMessage.answer(Array(text.utf8), to: event)
  }

  @Test func `A question says who asks for what, and from where`() throws {
    let subject = AccessSubject(
      connectionID: "7f3a-2b", user: User(id: #"u"1"#, name: "Ann"), tenant: TenantName("acme"),
      claimsText: #"{"sub":"u1","id":9007199254740993}"#, remoteAddress: "192.0.2.7")
    let group = try #require(GroupName(tenant: subject.tenant, name: "room_7"))
    let join = try body(.join(subject, Example.route(), group))
    #expect(
      join
        == (try JSONObject(
          #"""
          {"event":"join","connection_id":"7f3a-2b","user":{"id":"u\"1","name":"Ann"},
           "tenant":"acme","ip":"192.0.2.7","route":"/ws/room/{room}","group":"room_7",
           "claims":{"sub":"u1","id":9007199254740993}}
          """#)))
    let publish = try body(
      .publish(
        subject, Example.route(), group,
        AccessQuestion.Publication(type: "chat", event: #"{"type":"chat","text":"Hi"}"#)))
    #expect(publish["event"] == .string("publish") && publish["type"] == .string("chat"))
    #expect(publish["publication.text"] == .string("Hi"))
  }

  @Test func `What is not known is left out`() throws {
    let subject = AccessSubject(
      connectionID: "c", user: User(id: "anonymous:c", name: nil), tenant: nil, claimsText: nil,
      remoteAddress: nil)
    let connect = try body(.connect(subject, Example.route()))
    #expect(
      connect
        == (try JSONObject(
          #"{"event":"connect","connection_id":"c","user":{"id":"anonymous:c"},"route":"/ws/room/{room}"}"#
        )))
  }

  @Test func `A large number in a claim arrives as it was`() throws {
    let question = AccessQuestion.connect(
      Example.subject(claims: #"{"id":9007199254740993}"#), Example.route())
    #expect(
      String(decoding: HookMessage.body(question), as: UTF8.self).contains("9007199254740993"))
  }

  @Test(
    arguments: [
      (#"{"allow":true}"#, .allowed, .zero), (#" {"allow": true, "x": [1]} "#, .allowed, .zero),
      (#"{"allow":true,"ttl":30}"#, .allowed, .seconds(30)),
      (#"{"allow":true,"ttl":0.5}"#, .allowed, .milliseconds(500)),
      (#"{"allow":true,"ttl":null}"#, .allowed, .zero),
      (#"{"allow":true,"ttl":1e300}"#, .allowed, .seconds(3_600)),
      (#"{"allow":false}"#, .denied(reason: nil), .zero),
      (#"{"allow":false,"reason":"banned","ttl":5}"#, .denied(reason: "banned"), .seconds(5)),
      (#"{"allow":false,"reason":7}"#, .denied(reason: nil), .zero),
      // Only a connection has a name to be given.
      (#"{"allow":true,"user":"root"}"#, .allowed, .zero),
    ] as [(String, AccessAnswer, Duration)])
  func `An answer is understood`(text: String, expected: AccessAnswer, ttl: Duration) {
    #expect(answer(text) == HookMessage.Answer(answer: expected, ttl: ttl))
  }

  @Test(arguments: [
    "", "null", "true", #""allow""#, "[]", "{}", #"{"allow":"true"}"#, #"{"allow":1}"#,
    #"{"allow":null}"#, #"{"Allow":true}"#, #"{"allow":false,"allow":true}"#,
    #"{"allow":true,"ttl":"30"}"#, #"{"allow":true,"ttl":-1}"#, #"{"allow":true,"ttl":NaN}"#,
    #"{"allow":true,"ttl":1e999}"#, #"{"allow":true}{"#, "{\"allow\":true", "<html>",
  ])
  func `What is no clear answer is none`(text: String) {
    #expect(answer(text) == nil && answer(text, .connect) == nil)
  }

  @Test func `The answer to a connection may say who it is`() {
    #expect(
      answer(#"{"allow":true,"user":"u7","name":"Ann"}"#, .connect)?.answer
        == .allowed(AccessAnswer.Identity(userID: "u7", name: "Ann")))
    #expect(
      answer(#"{"allow":true,"user":null,"name":null}"#, .connect)?.answer == .allowed)
    for bad in [
      #""user":"""#, #""user":7"#, #""user":"anonymous:1""#, #""name":["x"]"#,
      #""user":"\#(String(repeating: "u", count: 129))""#,
      #""name":"\#(String(repeating: "n", count: 257))""#,
    ] {
      #expect(answer("{\"allow\":true,\(bad)}", .connect) == nil, "\(bad)")
    }
  }

  @Test func `A long reason is cut`() {
    let reason = String(repeating: "é", count: 500)
    #expect(
      answer(#"{"allow":false,"reason":"\#(reason)"}"#)?.answer
        == .denied(reason: String(repeating: "é", count: 100)))
  }
}

import MartletCore
import NIOCore
import Testing

@testable import MartletProtocol

@Suite struct ClientFrameTests {
  private func parse(_ text: String) throws -> ClientFrame {
    try ClientFrame.parse(ByteBuffer(string: text))
  }

  private func event(_ text: String) throws -> ClientEvent {
    guard case .event(let event) = try parse(text) else { throw Refusal(.malformed, "a ping") }
    return event
  }

  @Test func `A ping may carry a ref`() throws {
    #expect(try parse(#"{"type":"ping"}"#) == .ping(nil))
    #expect(
      try parse(#"{"ref":"a","type":"ping"}"#) == .ping(RequestReference(json: #""a""#)))
  }

  @Test func `The protocol's own fields are taken out of an event, the rest stays as it was`()
    throws
  {
    let event = try event(
      #"{ "ref": 7, "type": "x","group":"g","idempotency_id":"i1", "id" : 5, "text":"a \u00e9, b" }"#
    )
    #expect(event.type == "x" && event.group == "g")
    #expect(event.reference?.json == "7")
    #expect(event.idempotencyID == "i1")
    #expect(String(buffer: event.body.closed) == #"{"type": "x","id" : 5,"text":"a \u00e9, b"}"#)
  }

  @Test func `Fields are appended at the end, also to an empty object`() throws {
    var body = try event(#"{"type":"x"}"#).body
    body.append("sender", json: #"{"id":"u"}"#)
    #expect(String(buffer: body.closed) == #"{"type":"x","sender":{"id":"u"}}"#)
    let message = ByteBuffer(string: #"{"ref":1}"#)
    let layout = try JSONScanner.object(in: message.readableBytesUInt8Span)
    var empty = EventBody(message, layout, dropping: [0])
    empty.append("a", json: "1")
    #expect(String(buffer: empty.closed) == #"{"a":1}"#)
  }

  @Test(arguments: [
    ("not json", ErrorCode.malformed), ("[1]", .malformed), (#"{"type":"x""#, .malformed),
    (#"{"a":1}"#, .missingType), (#"{"type":5}"#, .missingType), ("{}", .missingType),
    (#"{"type":"x","sender":1}"#, .reservedField), (#"{"type":"x","group":5}"#, .malformed),
    (#"{"type":"x","off\u0073et":1}"#, .reservedField),
    (#"{"type":"x","idempotency_id":5}"#, .malformed),
    (#"{"type":"x","idempotency_id":""}"#, .malformed),
    (#"{"type":"x","ref":1.5}"#, .malformed), (#"{"type":"x","ref":{}}"#, .malformed),
    (#"{"type":"x","ref":1e9}"#, .malformed), (#"{"type":"x","ref":1,"ref":1}"#, .malformed),
    (#"{"type":"x","t\u0079pe":"y"}"#, .malformed),
  ])
  func `A bad message is refused with its code`(text: String, code: ErrorCode) {
    let error = #expect(throws: RefusedFrame.self) { try parse(text) }
    #expect(error?.refusal.code == code)
    #expect(error?.refusal.message.isEmpty == false)
  }

  @Test func `A refusal repeats the ref if it could be read`() {
    let error = #expect(throws: RefusedFrame.self) { try parse(#"{"ref":"r","a":1}"#) }
    #expect(error?.reference?.json == #""r""#)
    let long = String(repeating: "r", count: 65)
    #expect(throws: RefusedFrame.self) { try parse(#"{"type":"x","ref":"\#(long)"}"#) }
  }

  @Test func `A message that does not begin at the start of its buffer is read alike`() throws {
    var buffer = ByteBuffer(string: #"xx{"type":"x","ref":3,"v":1}"#)
    buffer.moveReaderIndex(forwardBy: 2)
    guard case .event(let event) = try ClientFrame.parse(buffer) else {
      Issue.record("not an event")
      return
    }
    #expect(event.reference?.json == "3")
    #expect(String(buffer: event.body.closed) == #"{"type":"x","v":1}"#)
  }
}

@Suite struct PublishRequestBodyTests {
  private func parse(_ text: String) throws -> PublishRequestBody {
    try PublishRequestBody.parse(ByteBuffer(string: text), tenant: nil)
  }

  @Test func `A request is read, its event kept as it is, and the sender appended`() throws {
    let body = try parse(
      #"{"group":"g_1","event":{"type":"x","ref":1},"id":"k","sender":{"id":"bot"}}"#)
    #expect(body.group.rawValue == "g_1")
    #expect(body.idempotencyID == "k")
    #expect(String(buffer: body.event.closed) == #"{"type":"x","ref":1,"sender":{"id":"bot"}}"#)
  }

  @Test(arguments: [
    ("", ErrorCode.malformed), ("{}", .malformed), (#"{"group":"g"}"#, .malformed),
    (#"{"event":{"type":"x"}}"#, .malformed),
    (#"{"group":"a b","event":{"type":"x"}}"#, .malformed),
    (#"{"group":5,"event":{"type":"x"}}"#, .malformed), (#"{"group":"g","event":[]}"#, .malformed),
    (#"{"group":"g","event":{}}"#, .missingType),
    (#"{"group":"g","event":{"type":"x","offset":1}}"#, .reservedField),
    (#"{"group":"g","event":{"type":"x"},"id":1}"#, .malformed),
    (#"{"group":"g","event":{"type":"x"},"sender":"me"}"#, .malformed),
    (#"{"group":"g","event":{"type":"x"},"evnt":1}"#, .malformed),
  ])
  func `A bad request is refused with its code`(text: String, code: ErrorCode) {
    let error = #expect(throws: Refusal.self) { try parse(text) }
    #expect(error?.code == code)
  }
}

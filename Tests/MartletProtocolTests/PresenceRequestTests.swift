import MartletCore
import NIOCore
import Testing

@testable import MartletProtocol

@Suite struct PresenceRequestTests {
  private func parse(_ text: String) throws -> ClientFrame {
    // Frames do not begin at the start of their buffers.
    var buffer = ByteBuffer(string: "xx" + text)
    buffer.moveReaderIndex(forwardBy: 2)
    return try ClientFrame.parse(buffer)
  }

  private func question(_ text: String) throws -> PresenceRequest {
    guard case .presence(let request) = try parse(text) else {
      throw Refusal(.malformed, "no question")
    }
    return request
  }

  private func update(_ text: String) throws -> PresenceUpdate {
    guard case .presenceUpdate(let update) = try parse(text) else {
      throw Refusal(.malformed, "no update")
    }
    return update
  }

  @Test func `A question for members may say how many, and where to begin`() throws {
    let plain = try question(#"{"type":"presence"}"#)
    #expect(plain.limit == nil && plain.after == nil && plain.reference == nil)
    let page = try question(
      #"{"ref":"r","limit": 20 ,"type":"presence","after":"17.a\"b"}"#)
    #expect(page.limit == 20 && page.after == #"17.a"b"# && page.reference?.json == #""r""#)
  }

  @Test(arguments: [
    (#"{"type":"presence","limit":0}"#, "limit must be a whole number above 0"),
    (#"{"type":"presence","limit":-1}"#, "limit must be"),
    (#"{"type":"presence","limit":1.5}"#, "limit must be"),
    (#"{"type":"presence","limit":1e2}"#, "limit must be"),
    (#"{"type":"presence","limit":99999999999999999999}"#, "limit must be"),
    (#"{"type":"presence","limit":"5"}"#, "limit must be"),
    (#"{"type":"presence","limit":null}"#, "limit must be"),
    (#"{"type":"presence","after":5}"#, "after must be the next of an earlier answer"),
    (#"{"type":"presence","after":null}"#, "after must be"),
    (#"{"type":"presence","group":5}"#, "group must be one of"),
    (
      #"{"type":"presence","page":1}"#, #"unknown field "page"; there are group, limit, after, ref"#
    ),
    (#"{"type":"presence","idempotency_id":"i"}"#, #"unknown field "idempotency_id""#),
  ])
  func `A question that is not understood says what is wrong`(text: String, message: String) {
    let error = #expect(throws: RefusedFrame.self) { try parse(text) }
    #expect(error?.refusal.message.contains(message) == true, "\(error?.refusal.message ?? "")")
  }

  @Test(arguments: UserStatus.allCases)
  func `An update may bring a status`(status: UserStatus) throws {
    let update = try update(#"{"type":"presence_update","status":"\#(status.rawValue)","ref":1}"#)
    #expect(update.status == status && update.meta == nil && update.reference?.json == "1")
  }

  @Test func `An update may bring meta, or both`() throws {
    let meta = try update(#"{"type":"presence_update","meta": { "page" : "a" } }"#)
    #expect(meta.status == nil && meta.reference == nil)
    #expect(meta.meta.map { String(buffer: $0) } == #"{ "page" : "a" }"#)
    let both = try update(#"{"meta":{},"status":"away","type":"presence_update"}"#)
    #expect(both.status == .away && both.meta.map { String(buffer: $0) } == "{}")
  }

  @Test(arguments: [
    (#"{"type":"presence_update"}"#, "needs status, meta, or both"),
    (#"{"type":"presence_update","ref":1}"#, "needs status, meta, or both"),
    (
      #"{"type":"presence_update","status":"busy"}"#,
      "status must be one of available, away, do_not_disturb, offline"
    ),
    (#"{"type":"presence_update","status":"Away"}"#, "status must be one of"),
    (#"{"type":"presence_update","status":1}"#, "status must be one of"),
    (#"{"type":"presence_update","status":null}"#, "status must be one of"),
    (#"{"type":"presence_update","meta":"a"}"#, "meta must be an object"),
    (#"{"type":"presence_update","meta":[]}"#, "meta must be an object"),
    (#"{"type":"presence_update","meta":null}"#, "meta must be an object"),
    (#"{"type":"presence_update","meta":{},"page":1}"#, "there are group, status, meta, ref"),
    (#"{"type":"presence_update","meta":{},"sender":{}}"#, "sender is added by the server"),
  ])
  func `An update that is not understood says what is wrong`(text: String, message: String) {
    let error = #expect(throws: RefusedFrame.self) { try parse(text) }
    #expect(error?.refusal.message.contains(message) == true, "\(error?.refusal.message ?? "")")
  }

  @Test func `Refusals repeat the ref, wherever it stands`() {
    for text in [
      #"{"type":"presence","limit":0,"ref":"r"}"#,
      #"{"type":"presence_update","ref":"r","status":"busy"}"#,
      #"{"type":"presence_update","ref":"r"}"#,
    ] {
      let error = #expect(throws: RefusedFrame.self) { try parse(text) }
      #expect(error?.reference?.json == #""r""#)
      #expect(error?.refusal.code == .malformed)
    }
  }
}

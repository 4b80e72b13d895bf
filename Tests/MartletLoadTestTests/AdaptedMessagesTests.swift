import NIOCore
import Testing

@testable import MartletLoadTest

@Suite struct AdaptedMessagesTests {
  private func messages(_ change: (inout ProtocolAdapter) -> Void = { _ in }) -> AdaptedMessages {
    var adapter = ProtocolAdapter(publish: #"{"say":"{mark}","to":"room-{group}","id":{ref}}"#)
    change(&adapter)
    return AdaptedMessages(adapter, run: .example)
  }

  private func parse(_ text: String, _ messages: AdaptedMessages) throws -> ServerMessage {
    try messages.parse(ByteBuffer(string: text).readableBytesUInt8Span)
  }

  private let publication = Publication(
    publisher: 3, sequence: 17, intended: 123_456, isRetry: true)

  @Test func `What is published is found again wherever the server puts it`() throws {
    let messages = messages()
    var buffer = ByteBuffer()
    messages.write(publication, size: 100, group: 5, into: &buffer)
    let text = String(buffer: buffer)
    #expect(text.utf8.count == 100)
    #expect(text.contains(#""to":"room-5","id":17}"#))
    for frame in [
      text, "[\(text)]", #"{"event":"x","data":"{\"say\":\"martlet:00000000:3:17:123456:1:\"}"}"#,
      "plain martlet:00000000:3:17:123456:1:xx text",
    ] {
      #expect(try parse(frame, messages) == .publication(publication, offset: nil, epoch: nil))
    }
  }

  @Test func `Marks of other runs, and torn ones, are no publications`() throws {
    for frame in [
      "martlet:11111111:3:17:1:0:", "martlet:00000000:3:17", "martlet:00000000:x:1:1:0:", "",
      "martlet:00000000:3:99999999999:1:0:",
    ] {
      #expect(try parse(frame, messages()) == .foreign(offset: nil, epoch: nil))
    }
  }

  @Test func `A mark is only looked for where the adapter says it is`() throws {
    let messages = messages { $0.mark = ["data", "body"] }
    let mark = "martlet:00000000:3:17:123456:1:"
    #expect(
      try parse(#"{"data":{"body":"\#(mark)"}}"#, messages)
        == .publication(publication, offset: nil, epoch: nil))
    #expect(try parse(#"{"data":{"other":1}}"#, messages) == .foreign(offset: nil, epoch: nil))
    #expect(try parse("\(mark)", messages) == .foreign(offset: nil, epoch: nil))
  }

  @Test func `Joins and acknowledgements are told by their patterns`() throws {
    let messages = messages {
      $0.join = #"{"join":"room-{group}","as":{client}}"#
      $0.joined = .init(key: ["event"], equals: "joined")
      $0.acknowledgement = .init(key: ["meta", "status"], equals: "200")
      $0.acknowledgedSequence = ["meta", "id"]
    }
    #expect(
      messages.joinMessage(client: 4, group: 2).map { String(buffer: $0) }
        == #"{"join":"room-2","as":4}"#)
    #expect(!messages.joinsByItself)
    #expect(
      try parse(#"{"event":"joined","x":1}"#, messages)
        == .established(position: nil, recovered: nil))
    for id in ["12", #""12""#] {
      #expect(
        try parse(#"{"meta":{"id":\#(id),"status":200}}"#, messages) == .acknowledgement(ref: 12))
    }
    #expect(
      try parse(#"{"meta":{"id":12,"status":500}}"#, messages) == .foreign(offset: nil, epoch: nil))
  }

  @Test func `Without a pattern an own delivery acknowledges, or sending does`() {
    #expect(messages().acknowledgementKind == .ownDelivery)
    #expect(messages { $0.audience = .publisher }.acknowledgementKind == .ownDelivery)
    #expect(messages { $0.audience = .others }.acknowledgementKind == .none)
    #expect(
      messages { $0.acknowledgement = .init(key: ["a"], equals: "b") }.acknowledgementKind
        == .message)
    #expect(messages().joinsByItself)
  }
}

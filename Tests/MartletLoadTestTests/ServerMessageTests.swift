import MartletTestSupport
import NIOCore
import Testing

@testable import MartletLoadTest

@Suite struct ServerMessageTests {
  private let messages = MartletMessages(run: .fixed("deadbeef"))

  private func parse(_ text: String) throws -> ServerMessage {
    let buffer = ByteBuffer(string: text)
    return try messages.parse(buffer.readableBytesUInt8Span)
  }

  @Test func `A publication is found whatever stands around it`() throws {
    let load = #""load":{"run":"deadbeef","publisher":17,"sequence":5,"intended":99,"retry":0}"#
    let expected = Publication(publisher: 17, sequence: 5, intended: 99, isRetry: false)
    for text in [
      #"{"type":"load",\#(load),"pad":"xx","sender":{"id":"u"},"group":"g","offset":13}"#,
      #" { "type" : "load" , \#(load) , "pad" : "" , "offset" : 13 } "#,
      #"{\#(load),"offset":13,"type":"load"}"#,
      #"{"type":"load",\#(load),"sender":{"name":"\"offset\":1,}\\"},"offset":13}"#,
      #"{"type":"load","a":[{"offset":1},[2]],"b":null,"c":-1.5e3,\#(load),"offset":13}"#,
    ] {
      #expect(try parse(text) == .publication(expected, offset: 13, epoch: nil))
    }
  }

  @Test func `Publications of other runs and other types only have an offset`() throws {
    let other = #"{"type":"load","load":{"run":"deadbeee","publisher":1},"offset":4}"#
    #expect(try parse(other) == .foreign(offset: 4, epoch: nil))
    #expect(try parse(#"{"type":"chat","load2":1,"offset":7}"#) == .foreign(offset: 7, epoch: nil))
    #expect(
      try parse(#"{"type":"user_left","user":{"id":"u"}}"#) == .foreign(offset: nil, epoch: nil))
    #expect(try parse(#"{"type":"pong"}"#) == .foreign(offset: nil, epoch: nil))
  }

  @Test func `Control messages are read`() throws {
    #expect(
      try parse(
        #"{"type":"connection_established","user":{"id":"u"},"position":{"epoch":"k","offset":12},"recovered":false}"#
      ) == .established(position: Position(epoch: "k", offset: 12), recovered: false))
    #expect(
      try parse(#"{"type":"connection_established"}"#)
        == .established(position: nil, recovered: nil))
    #expect(
      try parse(#"{"type":"resync","position":{"epoch":"k","offset":0},"reason":"gap"}"#)
        == .resync(position: Position(epoch: "k", offset: 0)))
    #expect(
      try parse(#"{"type":"ack","ref":3,"epoch":"k","offset":9}"#) == .acknowledgement(ref: 3))
    #expect(try parse(#"{"type":"ack","ref":"x"}"#) == .acknowledgement(ref: nil))
    #expect(
      try parse(#"{"type":"error","code":"unavailable","message":"m","ref":3}"#)
        == .error(code: "unavailable", ref: 3))
    #expect(
      try parse(#"{"type":"error","code":"malformed","message":"m"}"#)
        == .error(code: "malformed", ref: nil))
    #expect(
      try parse(#"{"type":"draining","reconnect_after":250}"#) == .draining(reconnectAfter: 250))
  }

  @Test(arguments: [
    #""position":12"#, #""code":7"#, #""recovered":[]"#, #""reconnect_after":"later""#,
    #""ref":{"a":"}"}"#, #""load":7"#, #""load":{"run":5}"#, #""load":{"publisher":"x"}"#,
  ])
  func `An application's events may use the names of the protocol's fields`(field: String) throws {
    #expect(
      try parse(#"{"type":"cursor",\#(field),"offset":9}"#) == .foreign(offset: 9, epoch: nil))
    let own =
      #"{"type":"cursor",\#(field),"load":{"run":"deadbeef","publisher":1,"sequence":2,"intended":3},"offset":9}"#
    let publication = Publication(publisher: 1, sequence: 2, intended: 3, isRetry: false)
    #expect(try parse(own) == .publication(publication, offset: 9, epoch: nil))
  }

  @Test(arguments: [
    "", " ", "[]", "null", "{", #"{"type""#, #"{"type":}"#, #"{"type":"load""#, #"{"type":"lo"#,
    #"{"type":"a" "b":1}"#, #"{"type":"a","offset":-1}"#, #"{"type":"a","offset":}"#,
    #"{"type":"a","offset":99999999999999999999}"#, #"{"type":1}"#, #"{"a":1}"#, #"{"a":"\"#,
    #"{"type":"resync","position":{"epoch":"k"}}"#, #"{"type":"load","load":{"run":"#,
    #"{"type":"load","load":{"run":"deadbeef","sequence":"x"}}"#,
    #"{"type":"error","code":7}"#, #"{"type":"resync","position":7}"#,
    "{\"a\":" + String(repeating: "[", count: 200),
  ])
  func `Nonsense is refused, not followed`(text: String) {
    #expect(throws: MalformedJSON.self) { try parse(text) }
  }

  @Test func `No cut of a message and no changed byte crashes the scanner`() {
    let text =
      #"{"type":"load","load":{"run":"deadbeef","publisher":17,"sequence":5,"intended":99,"retry":0},"pad":"\u0041","sender":{"id":"u"},"offset":13}"#
    let bytes = Array(text.utf8)
    for end in bytes.indices {
      #expect(throws: MalformedJSON.self) { try parse(String(text.prefix(end))) }
    }
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<5000 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let index = Int.random(in: changed.indices, using: &generator)
        changed[index] = UInt8.random(in: .min ... .max, using: &generator)
      }
      _ = try? messages.parse(changed.span)
    }
  }
}

import NIOCore
import Testing

@testable import MartletLoadTest

@Suite struct EventStreamParserTests {
  struct Event: Equatable {
    var data: String
    var id: String
    var type = ""
  }

  /// Reads `bytes` in parts of `step`.
  private func events(_ bytes: [UInt8], step: Int) throws -> (events: [Event], retry: UInt64?) {
    var parser = EventStreamParser()
    var events: [Event] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      var part = ByteBuffer(bytes: rest.prefix(step))
      rest = rest.dropFirst(step)
      while try parser.next(&part) {
        events.append(
          Event(data: String(buffer: parser.data), id: parser.lastEventID, type: parser.type))
      }
    }
    return (events, parser.retry)
  }

  private func expect(
    _ text: String, _ expected: [Event], retry: UInt64? = nil,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let bytes = Array(text.utf8)
    for step in 1...max(1, bytes.count) {
      let read = try events(bytes, step: step)
      #expect(read.events == expected, "in parts of \(step)", sourceLocation: location)
      #expect(read.retry == retry, sourceLocation: location)
    }
  }

  @Test func `Events are read wherever reads are cut, with any end of line`() throws {
    for end in ["\n", "\r", "\r\n"] {
      try expect(
        "retry: 3000\(end)\(end)id: e:12\(end)data: first\(end)\(end)data: second\(end)\(end)",
        [Event(data: "first", id: "e:12"), Event(data: "second", id: "e:12")], retry: 3000)
    }
  }

  // The examples of WHATWG HTML §9.2.6.
  @Test func `Lines of data are joined, comments and unknown fields left out`() throws {
    try expect("data: YHOO\ndata: +2\ndata: 10\n\n", [Event(data: "YHOO\n+2\n10", id: "")])
    try expect(
      ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
      [
        Event(data: "first event", id: "1"), Event(data: "second event", id: ""),
        Event(data: " third event", id: ""),
      ])
    try expect("data\n\ndata\ndata\n\ndata:", [Event(data: "", id: ""), Event(data: "\n", id: "")])
    try expect(
      "data:test\n\ndata: test\n\n", Array(repeating: Event(data: "test", id: ""), count: 2))
    try expect("other: x\nevent: y\ndata: d\n\n", [Event(data: "d", id: "", type: "y")])
  }

  @Test func `A byte order mark at the beginning is no part of the first line`() throws {
    try expect("\u{FEFF}data: x\n\n", [Event(data: "x", id: "")])
  }

  @Test func `An id with a NUL, and a retry that is no number, are ignored`() throws {
    try expect("id: a\0b\nretry: 1x\ndata: d\n\n", [Event(data: "d", id: "")])
  }

  @Test func `An event that is cut off is none`() throws {
    try expect("data: x\n\ndata: half", [Event(data: "x", id: "")])
    try expect("data: x\n", [])
    // An id counts only with the empty line behind it.
    try expect("data: x\n\nid: 7\n", [Event(data: "x", id: "")])
  }

  @Test func `A line without end is refused at its limit`() throws {
    var parser = EventStreamParser()
    var bytes = ByteBuffer(repeating: 0x20, count: EventStreamParser.largestEvent)
    #expect(try parser.next(&bytes) == false)
    var more = ByteBuffer(string: "x")
    #expect(throws: EventStreamParser.TooLarge.self) { try parser.next(&more) }
  }

  @Test func `A closing event has a code, and publications that look like one are none`() {
    func parse(_ text: String) -> UInt16? {
      ClosingEvent.parse(ByteBuffer(string: text).readableBytesUInt8Span)?.code
    }
    #expect(
      parse(#"{"type":"closing","code":4008,"reason":"connection_age","reconnect":true}"#) == 4008)
    #expect(parse(#"{"type":"closing","code":4008,"reconnect":true,"offset":3}"#) == nil)
    #expect(parse(#"{"type":"closing","text":"x"}"#) == nil)
    #expect(parse(#"{"type":"closing","#) == nil)
    #expect(parse(#"{"type":"load"}"#) == nil)
  }
}

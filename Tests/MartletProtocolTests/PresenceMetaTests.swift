import MartletCore
import NIOCore
import Testing

@testable import MartletProtocol

@Suite struct PresenceMetaTests {
  /// A meta into which `objects` were merged, one after the other.
  private func merged(
    _ objects: String..., ignoring ignored: Set<String> = [], limit: Int = 1_024
  ) throws -> PresenceMeta {
    var meta = PresenceMeta()
    for object in objects {
      try meta.merge(ByteBuffer(string: object), ignoring: ignored, limit: limit)
    }
    return meta
  }

  @Test func `A connection that says nothing of itself has an empty object`() throws {
    #expect(PresenceMeta().json == "{}")
    #expect(try merged("{}", " { } ").json == "{}")
  }

  @Test func `Fields are set one by one, each keeps its place`() throws {
    #expect(
      try merged(#"{"page":"a","tab":1}"#, #"{"page":"b"}"#).json == #"{"page":"b","tab":1}"#)
    #expect(
      try merged(#"{"page":"a"}"#, #"{"x":{"deep":[1]}}"#).json
        == #"{"page":"a","x":{"deep":[1]}}"#)
  }

  @Test func `Null removes a field, and is nothing in its own right`() throws {
    #expect(try merged(#"{"a":1,"b":2}"#, #"{"a": null }"#).json == #"{"b":2}"#)
    #expect(try merged(#"{"a":null}"#).json == "{}")
    #expect(try merged(#"{"a":1}"#, #"{"a":null}"#, #"{"a":2}"#).json == #"{"a":2}"#)
    // Only whole fields: what a value contains is the client's.
    #expect(try merged(#"{"a":{"b":null}}"#).json == #"{"a":{"b":null}}"#)
    #expect(try merged(#"{"a":"null"}"#).json == #"{"a":"null"}"#)
  }

  @Test func `Of a name that stands twice the last value counts`() throws {
    #expect(try merged(#"{"a":1,"b":2,"a":3}"#).json == #"{"a":3,"b":2}"#)
    #expect(try merged(#"{"a":1,"a":null}"#).json == "{}")
  }

  @Test func `A name is the same however it is escaped`() throws {
    #expect(try merged(#"{"page":1}"#, #"{"p\u0061ge":2}"#).json == #"{"page":2}"#)
    #expect(try merged(#"{"a\"b\n":1}"#).json == #"{"a\"b\n":1}"#)
  }

  @Test func `White space between tokens goes, that inside of texts stays`() throws {
    let meta = try merged(
      "{ \"a\" : [ 1 ,\t2 ] ,\r\n \"b\" : \"x  y \\\" z\", \"c\": {\"d e\" : true} }")
    #expect(meta.json == #"{"a":[1,2],"b":"x  y \" z","c":{"d e":true}}"#)
  }

  @Test func `Names may be left out`() throws {
    #expect(
      try merged(#"{"type":"page_change","page":1}"#, ignoring: ["type"]).json == #"{"page":1}"#)
  }

  @Test func `The limit is for the whole object, without white space`() throws {
    let exact = #"{"a":"12345"}"#
    #expect(try merged(exact, limit: exact.utf8.count).json == exact)
    #expect(try merged(#"{  "a"  :  "12345"  }"#, limit: exact.utf8.count).json == exact)
    #expect(try merged(#"{"a":"é"}"#, limit: 10).json == #"{"a":"é"}"#)
    let error = #expect(throws: Refusal.self) { try merged(#"{"a":"é"}"#, limit: 9) }
    #expect(error?.code == .tooLarge)
    #expect(error?.message.contains("at most 9 bytes; this is 10") == true)
  }

  @Test func `What is refused changes nothing`() throws {
    var meta = try merged(#"{"a":1}"#)
    for object in [#"{"b":2,"c":"too long"}"#, "[1]", "null", "", #"{"a":2"#] {
      #expect(throws: Refusal.self) {
        try meta.merge(ByteBuffer(string: object), limit: 16)
      }
      #expect(meta.json == #"{"a":1}"#)
    }
  }

  @Test func `Something too large makes room by removing fields`() throws {
    let meta = try merged(#"{"a":"12345"}"#, #"{"b":"12345","a":null}"#, limit: 13)
    #expect(meta.json == #"{"b":"12345"}"#)
  }

  @Test func `Anything but an object is malformed`() {
    for text in ["[1]", "null", "\"a\"", "1", "", "{", #"{"a"}"#] {
      let error = #expect(throws: Refusal.self) { try merged(text) }
      #expect(error?.code == .malformed)
    }
  }
}

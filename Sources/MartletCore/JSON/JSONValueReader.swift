/// Decodes whole JSON objects of which every byte matters: tokens, keys, answers about access.
///
/// Stricter than RFC 8259 asks for: a name stands once in its object, at any depth, since readers differ in
/// which of two they take (RFC 7515 §4, RFC 8725 §2.4); and numbers are those that a double can hold.
package struct JSONValueReader {
  private let bytes: [UInt8]
  private var index: Int

  /// The members of the one object that `bytes` must be.
  package static func object(
    _ bytes: [UInt8]
  ) throws(JSONScanner.Failure) -> [String: JSONValue] {
    let layout = try JSONScanner.object(in: bytes.span)
    var reader = JSONValueReader(bytes: bytes, index: layout.object.lowerBound)
    return try reader.object()
  }

  // What follows relies on the scanner: the bytes are JSON, and not nested too deeply.

  private mutating func value() throws(JSONScanner.Failure) -> JSONValue {
    switch bytes[index] {
    case UInt8(ascii: "{"): return .object(try object())
    case UInt8(ascii: "["): return .array(try array())
    case UInt8(ascii: "\""): return .string(string())
    case UInt8(ascii: "t"):
      index += 4
      return .bool(true)
    case UInt8(ascii: "f"):
      index += 5
      return .bool(false)
    case UInt8(ascii: "n"):
      index += 4
      return .null
    default: return .number(try number())
    }
  }

  private mutating func object() throws(JSONScanner.Failure) -> [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    index += 1
    skip(UInt8(ascii: ","))
    while bytes[index] != UInt8(ascii: "}") {
      let start = index
      let name = string()
      skip(UInt8(ascii: ":"))
      guard members.updateValue(try value(), forKey: name) == nil else {
        throw JSONScanner.Failure(message: "a field name that stands twice", offset: start)
      }
      skip(UInt8(ascii: ","))
    }
    index += 1
    return members
  }

  private mutating func array() throws(JSONScanner.Failure) -> [JSONValue] {
    var elements: [JSONValue] = []
    index += 1
    skip(UInt8(ascii: ","))
    while bytes[index] != UInt8(ascii: "]") {
      elements.append(try value())
      skip(UInt8(ascii: ","))
    }
    index += 1
    return elements
  }

  private mutating func string() -> String {
    let start = index
    index += 1
    while bytes[index] != UInt8(ascii: "\"") {
      index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    index += 1
    return JSONText.unquoted(bytes[start..<index])
  }

  private mutating func number() throws(JSONScanner.Failure) -> Double {
    let start = index
    while !Self.endsNumber(bytes[index]) { index += 1 }
    guard let number = Double(String(decoding: bytes[start..<index], as: UTF8.self)),
      number.isFinite
    else { throw JSONScanner.Failure(message: "a number that is too large", offset: start) }
    return number
  }

  private static func endsNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x09, 0x0a, 0x0d: true
    default: false
    }
  }

  /// Passes white space and `separator`.
  private mutating func skip(_ separator: UInt8) {
    while [separator, 0x20, 0x09, 0x0a, 0x0d].contains(bytes[index]) { index += 1 }
  }
}

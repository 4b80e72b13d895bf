/// Checks that bytes are one JSON value (RFC 8259) and notes where the members of a top-level
/// object stand, so that they can be read, cut and spliced without being decoded.
package struct JSONScanner: ~Escapable {
  /// What kind of value stands at a place.
  package enum Kind: Sendable {
    case object
    case array
    case string
    case number
    case literal
  }

  /// A member of the top-level object. Ranges are byte offsets into the scanned bytes.
  package struct Member: Sendable {
    /// With quotes.
    package var key: Range<Int>
    package var value: Range<Int>
    package var kind: Kind
  }

  /// Where things are in a checked object.
  package struct Layout: Sendable {
    /// From the opening to the closing brace, without white space around.
    package var object: Range<Int>
    package var members: [Member]
  }

  /// Why bytes are not acceptable JSON, and where.
  package struct Failure: Error, Equatable {
    package var message: String
    package var offset: Int
  }

  /// Deeper values are refused: they have no use in events, and recursive readers crash on them.
  package static let maximumDepth = 64

  private let bytes: Span<UInt8>
  private var index = 0

  @_lifetime(copy bytes)
  private init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
  }

  /// The layout of the one JSON object that `bytes` must be; also checks UTF-8.
  package static func object(in bytes: Span<UInt8>) throws(Failure) -> Layout {
    do {
      _ = try UTF8Span(validating: bytes)
    } catch {
      throw Failure(message: "not valid UTF-8", offset: error.byteOffsets.lowerBound)
    }
    var scanner = JSONScanner(bytes)
    scanner.skipSpace()
    guard scanner.peek() == UInt8(ascii: "{") else {
      throw Failure(message: "not a JSON object", offset: scanner.index)
    }
    let start = scanner.index
    var members: [Member] = []
    try scanner.scanObject(depth: 1) { members.append($0) }
    let object = start..<scanner.index
    scanner.skipSpace()
    guard scanner.index == bytes.count else {
      throw Failure(message: "text after the JSON object", offset: scanner.index)
    }
    return Layout(object: object, members: members)
  }

  // MARK: Grammar

  private mutating func scanValue(depth: Int) throws(Failure) -> Kind {
    guard depth <= Self.maximumDepth else {
      throw failure("nested deeper than \(Self.maximumDepth)")
    }
    switch peek() {
    case UInt8(ascii: "{"):
      try scanObject(depth: depth) { _ in }
      return .object
    case UInt8(ascii: "["):
      try scanArray(depth: depth)
      return .array
    case UInt8(ascii: "\""):
      try scanString()
      return .string
    case UInt8(ascii: "t"):
      try scanLiteral("true")
      return .literal
    case UInt8(ascii: "f"):
      try scanLiteral("false")
      return .literal
    case UInt8(ascii: "n"):
      try scanLiteral("null")
      return .literal
    default:
      try scanNumber()
      return .number
    }
  }

  private mutating func scanObject(
    depth: Int, member: (Member) -> Void
  ) throws(Failure) {
    index += 1
    skipSpace()
    if take(UInt8(ascii: "}")) { return }
    while true {
      skipSpace()
      guard peek() == UInt8(ascii: "\"") else { throw failure("a field name is expected") }
      let keyStart = index
      try scanString()
      let key = keyStart..<index
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw failure("a colon is expected") }
      skipSpace()
      let valueStart = index
      let kind = try scanValue(depth: depth + 1)
      member(Member(key: key, value: valueStart..<index, kind: kind))
      skipSpace()
      if take(UInt8(ascii: ",")) { continue }
      guard take(UInt8(ascii: "}")) else { throw failure("a comma or } is expected") }
      return
    }
  }

  private mutating func scanArray(depth: Int) throws(Failure) {
    index += 1
    skipSpace()
    if take(UInt8(ascii: "]")) { return }
    while true {
      skipSpace()
      _ = try scanValue(depth: depth + 1)
      skipSpace()
      if take(UInt8(ascii: ",")) { continue }
      guard take(UInt8(ascii: "]")) else { throw failure("a comma or ] is expected") }
      return
    }
  }

  private mutating func scanString() throws(Failure) {
    index += 1
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        index += 1
        return
      }
      if byte == UInt8(ascii: "\\") {
        index += 1
        try scanEscape()
        continue
      }
      guard byte >= 0x20 else { throw failure("a control character inside a string") }
      index += 1
    }
    throw failure("a string without its end")
  }

  private mutating func scanEscape() throws(Failure) {
    switch peek() {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      index += 1
    case UInt8(ascii: "u"):
      index += 1
      try scanCodeUnit()
    default:
      throw failure("an unknown escape")
    }
  }

  /// The digits of an escape; those of a surrogate pair, of both halves: half a pair is no text, and strict readers stop at it
  /// (RFC 8259 §8.2, RFC 7493 §2.1).
  private mutating func scanCodeUnit() throws(Failure) {
    switch try scanFourDigits() {
    case 0xd800..<0xdc00:
      guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")),
        (0xdc00..<0xe000).contains(try scanFourDigits())
      else { throw failure("half a surrogate pair") }
    case 0xdc00..<0xe000:
      throw failure("half a surrogate pair")
    default:
      break
    }
  }

  private mutating func scanFourDigits() throws(Failure) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = peek().flatMap(JSONText.hexValue) else {
        throw failure("\\u needs four hexadecimal digits")
      }
      value = value << 4 | UInt16(digit)
      index += 1
    }
    return value
  }

  private mutating func scanLiteral(_ literal: StaticString) throws(Failure) {
    let length = literal.utf8CodeUnitCount
    guard index + length <= bytes.count else { throw failure("an unknown word") }
    for step in 0..<length where unsafe bytes[index + step] != literal.utf8Start[step] {
      throw failure("an unknown word")
    }
    index += length
  }

  private mutating func scanNumber() throws(Failure) {
    let start = index
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) {
      guard skipDigits() > 0 else {
        index = start
        throw failure("a value is expected")
      }
    }
    if take(UInt8(ascii: ".")), skipDigits() == 0 { throw failure("a digit is expected") }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard skipDigits() > 0 else { throw failure("a digit is expected") }
    }
  }

  // MARK: Bytes

  private func peek() -> UInt8? {
    index < bytes.count ? bytes[index] : nil
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  private mutating func skipDigits() -> Int {
    let start = index
    while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) {
      index += 1
    }
    return index - start
  }

  private mutating func skipSpace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x09, 0x0a, 0x0d: index += 1
      default: return
      }
    }
  }

  private func failure(_ message: String) -> Failure {
    Failure(message: message, offset: index)
  }
}

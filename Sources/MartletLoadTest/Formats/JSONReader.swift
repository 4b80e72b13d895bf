/// The bytes are not the JSON that they should be.
struct MalformedJSON: Error, Equatable {}

/// Walks over the members of one JSON object in place: no tree, no copies. It checks what it needs
/// for finding values and no more; whether a skipped value is well formed does not matter here.
///
/// Use: `init`, then for each key from `nextKey`, exactly one call that consumes its value.
struct JSONReader {
  /// Deeper values are refused rather than followed.
  static let deepest = 128

  /// Where the next byte is read.
  private(set) var index: Int
  private var isFirst = true

  /// Begins with the object at `start`.
  init(_ bytes: Span<UInt8>, at start: Int = 0) throws(MalformedJSON) {
    index = start
    skipSpace(bytes)
    try expect(UInt8(ascii: "{"), bytes)
  }

  /// Stands before a value that ``place(_:)`` found: exactly one call that consumes it may follow.
  init(valueAt place: Int) {
    index = place
  }

  /// The next key as it is written, nil at the end of the object.
  mutating func nextKey(_ bytes: Span<UInt8>) throws(MalformedJSON) -> JSONKey? {
    skipSpace(bytes)
    if index < bytes.count, bytes[index] == UInt8(ascii: "}") {
      index += 1
      return nil
    }
    if !isFirst {
      try expect(UInt8(ascii: ","), bytes)
      skipSpace(bytes)
    }
    isFirst = false
    let range = try string(bytes)
    skipSpace(bytes)
    try expect(UInt8(ascii: ":"), bytes)
    skipSpace(bytes)
    return JSONKey(bytes, range)
  }

  /// Consumes a string: the range between its quotation marks, escapes untouched.
  mutating func string(_ bytes: Span<UInt8>) throws(MalformedJSON) -> Range<Int> {
    try expect(UInt8(ascii: "\""), bytes)
    let start = index
    while true {
      skipPlainWords(bytes)
      guard index < bytes.count else { throw MalformedJSON() }
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        index += 1
        return start..<(index - 1)
      }
      index += byte == UInt8(ascii: "\\") ? 2 : 1
    }
  }

  /// Skips bytes that neither end a string nor escape, eight at a time: texts are most of a message.
  private mutating func skipPlainWords(_ bytes: Span<UInt8>) {
    while index + 8 <= bytes.count {
      let word = bytes.word(at: index)
      let found = Self.find(UInt8(ascii: "\""), in: word) | Self.find(UInt8(ascii: "\\"), in: word)
      guard found == 0 else {
        index += found.trailingZeroBitCount / 8
        return
      }
      index += 8
    }
  }

  /// The highest bit of the first byte that is `byte`, and maybe of others behind it (Mycroft: haszero).
  private static func find(_ byte: UInt8, in word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let zeros = word ^ (ones &* UInt64(byte))
    return (zeros &- ones) & ~zeros & (ones << 7)
  }

  /// Consumes a whole number that is not negative.
  mutating func unsigned(_ bytes: Span<UInt8>) throws(MalformedJSON) -> UInt64 {
    var value: UInt64 = 0
    let start = index
    while index < bytes.count, case let digit = bytes[index] &- 0x30, digit <= 9 {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
      guard !overflow, !carry else { throw MalformedJSON() }
      value = sum
      index += 1
    }
    guard index > start else { throw MalformedJSON() }
    return value
  }

  /// Consumes a value of any kind, which `JSONReader(valueAt:)` can read later: where it begins.
  mutating func place(_ bytes: Span<UInt8>) throws(MalformedJSON) -> Int {
    let start = index
    try skipValue(bytes)
    return start
  }

  /// Consumes `true` or `false`.
  mutating func bool(_ bytes: Span<UInt8>) throws(MalformedJSON) -> Bool {
    let isTrue = index < bytes.count && bytes[index] == UInt8(ascii: "t")
    try skipValue(bytes)
    return isTrue
  }

  /// Consumes an object, which `JSONReader(_:at:)` can read later: where it begins.
  mutating func object(_ bytes: Span<UInt8>) throws(MalformedJSON) -> Int {
    guard index < bytes.count, bytes[index] == UInt8(ascii: "{") else { throw MalformedJSON() }
    let start = index
    try skipValue(bytes)
    return start
  }

  /// Consumes a value of any kind.
  mutating func skipValue(_ bytes: Span<UInt8>) throws(MalformedJSON) {
    var depth = 0
    repeat {
      guard index < bytes.count else { throw MalformedJSON() }
      switch bytes[index] {
      case UInt8(ascii: "\""):
        _ = try string(bytes)
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        guard depth <= Self.deepest else { throw MalformedJSON() }
        index += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        guard depth >= 0 else { throw MalformedJSON() }
        index += 1
      case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D:
        guard depth > 0 else { throw MalformedJSON() }
        index += 1
      default:
        skipBareWord(bytes)
      }
    } while depth > 0
  }

  /// A number, `true`, `false` or `null`.
  private mutating func skipBareWord(_ bytes: Span<UInt8>) {
    index += 1
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x09, 0x0A, 0x0D: return
      default: index += 1
      }
    }
  }

  private mutating func skipSpace(_ bytes: Span<UInt8>) {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x09, 0x0A, 0x0D: index += 1
      default: return
      }
    }
  }

  private mutating func expect(_ byte: UInt8, _ bytes: Span<UInt8>) throws(MalformedJSON) {
    guard index < bytes.count, bytes[index] == byte else { throw MalformedJSON() }
    index += 1
  }
}

/// A short text that compares in one step: its length, its first and its last eight bytes. Texts of up to 16 bytes are told apart
/// exactly.
struct JSONKey: Equatable, Sendable {
  private let head: UInt64
  private let tail: UInt64
  private let count: Int

  init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    count = range.count
    if count >= 8 {
      head = bytes.word(at: range.lowerBound)
      tail = bytes.word(at: range.upperBound - 8)
    } else if range.lowerBound + 8 <= bytes.count {
      head = bytes.word(at: range.lowerBound) & ((1 << UInt64(8 * count)) - 1)
      tail = 0
    } else {
      var head: UInt64 = 0
      for index in range.reversed() { head = head << 8 | UInt64(bytes[index]) }
      self.head = head
      tail = 0
    }
  }

  init(_ text: String) {
    let bytes = Array(text.utf8)
    self.init(bytes.span, 0..<bytes.count)
  }
}

extension Span<UInt8> {
  /// Eight bytes, the first one lowest.
  fileprivate func word(at index: Int) -> UInt64 {
    UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
  }
}

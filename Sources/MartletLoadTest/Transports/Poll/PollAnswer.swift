/// The answer to a poll (docs/protocol.md, HTTP fallback): found in place.
struct PollAnswer: Equatable {
  var position: Position
  /// Nil if no position was sent along.
  var recovered: Bool?
  /// Where each publication is.
  var publications: [Range<Int>]

  /// - Throws: ``MalformedJSON`` if it is no answer of the protocol.
  static func parse(_ bytes: Span<UInt8>) throws(MalformedJSON) -> PollAnswer {
    var reader = try JSONReader(bytes)
    var position: Position?
    var recovered: Bool?
    var publications: [Range<Int>]?
    while let key = try reader.nextKey(bytes) {
      switch key {
      case JSONKey("position"): position = try self.position(bytes, at: reader.object(bytes))
      case JSONKey("recovered"): recovered = try reader.bool(bytes)
      case JSONKey("publications"):
        let start = reader.index
        try reader.skipValue(bytes)
        publications = try elements(bytes, start..<reader.index)
      default: try reader.skipValue(bytes)
      }
    }
    guard let position, let publications else { throw MalformedJSON() }
    return PollAnswer(position: position, recovered: recovered, publications: publications)
  }

  private static func position(
    _ bytes: Span<UInt8>, at start: Int
  ) throws(MalformedJSON) -> Position {
    var reader = try JSONReader(bytes, at: start)
    var epoch: String?
    var offset: UInt64?
    while let key = try reader.nextKey(bytes) {
      switch key {
      case JSONKey("epoch"):
        epoch = String(decoding: try reader.string(bytes).map { bytes[$0] }, as: UTF8.self)
      case JSONKey("offset"): offset = try reader.unsigned(bytes)
      default: try reader.skipValue(bytes)
      }
    }
    guard let epoch, let offset else { throw MalformedJSON() }
    return Position(epoch: epoch, offset: offset)
  }

  /// The objects of an array.
  private static func elements(
    _ bytes: Span<UInt8>, _ array: Range<Int>
  ) throws(MalformedJSON) -> [Range<Int>] {
    guard array.count >= 2, bytes[array.lowerBound] == UInt8(ascii: "[") else {
      throw MalformedJSON()
    }
    var found: [Range<Int>] = []
    var index = array.lowerBound + 1
    var isBehindComma = true
    while index < array.upperBound - 1 {
      switch bytes[index] {
      case 0x20, 0x09, 0x0A, 0x0D: index += 1
      case UInt8(ascii: ",") where !isBehindComma:
        isBehindComma = true
        index += 1
      case UInt8(ascii: "{") where isBehindComma:
        isBehindComma = false
        var element = try JSONReader(bytes, at: index)
        while try element.nextKey(bytes) != nil { try element.skipValue(bytes) }
        found.append(index..<element.index)
        index = element.index
      default: throw MalformedJSON()
      }
    }
    return found
  }
}

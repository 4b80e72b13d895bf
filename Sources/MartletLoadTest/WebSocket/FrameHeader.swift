/// A peer that breaks RFC 6455. The connection is failed with close code 1002, or 1009 when a
/// message is too large.
struct WebSocketViolation: Error, Equatable {
  let message: String
  var closeCode: UInt16 = 1002
}

/// RFC 6455 §5.2: the head of one frame from a server.
struct FrameHeader: Equatable {
  enum Opcode: UInt8 {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    var isControl: Bool { rawValue & 0x8 != 0 }
  }

  /// The largest message taken from a server, whole or assembled, in bytes.
  static let largestMessage = 16 * 1024 * 1024

  var isFinal: Bool
  var opcode: Opcode
  var headerLength: Int
  var payloadLength: Int

  var frameLength: Int { headerLength + payloadLength }

  /// Reads the header that begins at `start`; nil when more bytes are needed.
  static func parse(_ bytes: Span<UInt8>, at start: Int) throws(WebSocketViolation) -> FrameHeader?
  {
    let available = bytes.count - start
    guard available >= 2 else { return nil }
    let first = bytes[start]
    let second = bytes[start + 1]
    // §5.2: reserved bits are zero unless an extension was negotiated, and none is offered.
    guard first & 0x70 == 0 else { throw WebSocketViolation(message: "reserved bits are set") }
    guard let opcode = Opcode(rawValue: first & 0x0F) else {
      throw WebSocketViolation(message: "unknown opcode \(first & 0x0F)")
    }
    // §5.1: a server does not mask.
    guard second & 0x80 == 0 else { throw WebSocketViolation(message: "the server masked a frame") }

    let isFinal = first & 0x80 != 0
    var length = UInt64(second & 0x7F)
    var headerLength = 2
    if length >= 126 {
      let width = length == 126 ? 2 : 8
      headerLength += width
      guard available >= headerLength else { return nil }
      length = 0
      for offset in 0..<width { length = length << 8 | UInt64(bytes[start + 2 + offset]) }
      // §5.2: the shortest form is required.
      guard length > (width == 2 ? 125 : 0xFFFF) else {
        throw WebSocketViolation(message: "a frame length is not in its shortest form")
      }
    }
    if opcode.isControl {
      // §5.5: at most 125 bytes, never fragmented.
      guard isFinal, length <= 125 else {
        throw WebSocketViolation(message: "a control frame is fragmented or too long")
      }
    }
    guard length <= UInt64(Self.largestMessage) else {
      throw WebSocketViolation(message: "a message is larger than 16 MiB", closeCode: 1009)
    }
    return FrameHeader(
      isFinal: isFinal, opcode: opcode, headerLength: headerLength, payloadLength: Int(length))
  }
}

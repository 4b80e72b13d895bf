/// The head of a frame (RFC 6455 §5.2), with the rules that need nothing but the frame itself.
struct FrameHeader {
  /// What the rules depend on.
  struct Rules {
    var role: WebSocketRole
    /// Whether an extension that gives RSV1 a meaning was negotiated.
    var isCompressionAllowed: Bool
    /// Of a payload, in bytes.
    var frameSize: Int
  }

  /// RFC 6455 §5.5.
  static let maximumControlPayload = 125
  /// 2 bytes, a 64-bit length, a key.
  static let maximumSize = 14

  var opcode: WebSocketOpcode
  var isFinal: Bool
  var isCompressed: Bool
  /// In bytes, of the head alone.
  var size: Int
  /// Of the payload, in bytes.
  var length: Int
  /// Its most significant byte is the first on the wire. 0 on a frame that is not masked.
  var maskKey: UInt32

  /// Reads the head of the frame that begins with `bytes`; nil if it is not all there.
  @inline(__always)
  static func parse(
    _ bytes: Span<UInt8>, _ rules: Rules
  ) throws(WebSocketViolation) -> FrameHeader? {
    guard bytes.count >= 2 else { return nil }
    let first = bytes[0]
    let second = bytes[1]
    let isCompressed = first & 0x40 != 0
    guard first & 0x30 == 0, !isCompressed || rules.isCompressionAllowed else {
      throw .reservedBits
    }
    guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else {
      throw .unknownOpcode(first & 0x0F)
    }
    let isFinal = first & 0x80 != 0
    let isMasked = second & 0x80 != 0
    guard isMasked == (rules.role == .server) else {
      throw isMasked ? .maskedFrame : .unmaskedFrame
    }
    let shortLength = Int(second & 0x7F)
    if opcode.isControl {
      guard isFinal else { throw .fragmentedControlFrame }
      guard shortLength <= maximumControlPayload else { throw .longControlFrame }
      guard !isCompressed else { throw .compressedFragment }
    }
    var header = FrameHeader(
      opcode: opcode, isFinal: isFinal, isCompressed: isCompressed, size: 2, length: shortLength,
      maskKey: 0)
    if shortLength > maximumControlPayload {
      guard try header.readLength(bytes, width: shortLength == 126 ? 2 : 8) else { return nil }
    }
    guard header.length <= rules.frameSize else { throw .frameTooLarge(limit: rules.frameSize) }
    if isMasked {
      guard bytes.count >= header.size &+ 4 else { return nil }
      header.maskKey = UInt32(truncatingIfNeeded: integer(bytes, at: header.size, width: 4))
      header.size &+= 4
    }
    return header
  }

  /// - Returns: false if the length is not all there.
  private mutating func readLength(
    _ bytes: Span<UInt8>, width: Int
  ) throws(WebSocketViolation) -> Bool {
    guard bytes.count >= size + width else { return false }
    let length = Self.integer(bytes, at: size, width: width)
    guard length > (width == 2 ? 125 : 0xFFFF) else { throw .longLengthForm }
    guard let length = Int(exactly: length) else { throw .negativeLength }
    self.length = length
    size += width
    return true
  }

  @inline(__always)
  private static func integer(_ bytes: Span<UInt8>, at start: Int, width: Int) -> UInt64 {
    var value: UInt64 = 0
    for offset in start..<start &+ width { value = value << 8 | UInt64(bytes[offset]) }
    return value
  }
}

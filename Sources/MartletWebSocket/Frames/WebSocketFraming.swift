package import NIOCore

/// Frames to be sent (RFC 6455 §5.2).
///
/// A server sends them without a mask. A client gives each frame a key that the server could not
/// predict (RFC 6455 §5.3, §10.3), from the system's generator.
package enum WebSocketFraming {
  /// The most that a frame adds to its payload, in bytes.
  package static let maximumHeaderSize = FrameHeader.maximumSize
  /// Of a close frame's reason, in bytes: what the code leaves of 125 (RFC 6455 §5.5).
  package static let maximumReasonSize = FrameHeader.maximumControlPayload - 2

  /// Appends the header of a final text frame of a server whose payload is `length` bytes.
  package static func writeTextHeader(length: Int, into buffer: inout ByteBuffer) {
    writeHeader(.text, length: length, into: &buffer)
  }

  /// Appends the header of a frame.
  ///
  /// - Parameters:
  ///   - length: of the payload, in bytes; of a control frame at most 125.
  ///   - isFinal: false for all fragments of a message but the last (RFC 6455 §5.4).
  ///   - isCompressed: on the first frame of a message that is compressed (RFC 7692 §6).
  ///   - maskKey: of a client. What follows has to be masked with it.
  package static func writeHeader(
    _ opcode: WebSocketOpcode, length: Int, isFinal: Bool = true, isCompressed: Bool = false,
    maskKey: UInt32? = nil, into buffer: inout ByteBuffer
  ) {
    precondition(
      !opcode.isControl || isFinal && length <= FrameHeader.maximumControlPayload,
      "a control frame is final and has at most 125 bytes (RFC 6455 §5.5)")
    buffer.writeInteger((isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue)
    let maskBit: UInt8 = maskKey == nil ? 0 : 0x80
    switch length {
    case ..<126:
      buffer.writeInteger(maskBit | UInt8(length))
    case ..<65536:
      buffer.writeInteger(maskBit | 126)
      buffer.writeInteger(UInt16(length))
    default:
      buffer.writeInteger(maskBit | 127)
      buffer.writeInteger(UInt64(length))
    }
    if let maskKey { buffer.writeInteger(maskKey) }
  }

  /// A final text frame of `text`, of a server.
  package static func text(_ text: String) -> ByteBuffer {
    frame(.text, payload: ByteBuffer(string: text))
  }

  /// A frame around `payload`. For the parameters see ``writeHeader(_:length:isFinal:isCompressed:maskKey:into:)``.
  package static func frame(
    _ opcode: WebSocketOpcode, payload: ByteBuffer, isFinal: Bool = true,
    isCompressed: Bool = false, maskKey: UInt32? = nil
  ) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(payload.readableBytes + maximumHeaderSize)
    writeHeader(
      opcode, length: payload.readableBytes, isFinal: isFinal, isCompressed: isCompressed,
      maskKey: maskKey, into: &buffer)
    let start = buffer.readableBytes
    buffer.writeImmutableBuffer(payload)
    if let maskKey { Masking.apply(maskKey, to: &buffer, from: start) }
    return buffer
  }

  /// A close frame (RFC 6455 §5.5.1).
  ///
  /// - Parameters:
  ///   - code: nil for an empty one, to which no reason belongs.
  ///   - reason: cut at the end of a character if it has more than 123 bytes.
  package static func close(
    code: UInt16?, reason: String = "", maskKey: UInt32? = nil
  ) -> ByteBuffer {
    var payload = ByteBuffer()
    if let code {
      payload.writeInteger(code)
      payload.writeString(cut(reason))
    }
    return frame(.close, payload: payload, maskKey: maskKey)
  }

  private static func cut(_ reason: String) -> String {
    guard reason.utf8.count > maximumReasonSize else { return reason }
    var end = reason.utf8.index(reason.startIndex, offsetBy: maximumReasonSize)
    while end.samePosition(in: reason.unicodeScalars) == nil {
      end = reason.utf8.index(before: end)
    }
    return String(reason[..<end])
  }
}

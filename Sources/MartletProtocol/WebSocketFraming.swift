package import NIOCore

/// Server-to-client frames, unmasked and unfragmented (RFC 6455 §5.2).
package enum WebSocketFraming {
  /// Opcodes that a server of ours sends.
  package enum Opcode: UInt8, Sendable {
    case text = 0x1
    case close = 0x8
    case ping = 0x9
    case pong = 0xA
  }

  /// Appends the header of a final text frame whose payload is `length` bytes.
  package static func writeTextHeader(length: Int, into buffer: inout ByteBuffer) {
    writeHeader(.text, length: length, into: &buffer)
  }

  /// Appends the header of a final frame.
  package static func writeHeader(_ opcode: Opcode, length: Int, into buffer: inout ByteBuffer) {
    buffer.writeInteger(0x80 | opcode.rawValue)
    switch length {
    case ..<126:
      buffer.writeInteger(UInt8(length))
    case ..<65536:
      buffer.writeInteger(UInt8(126))
      buffer.writeInteger(UInt16(length))
    default:
      buffer.writeInteger(UInt8(127))
      buffer.writeInteger(UInt64(length))
    }
  }

  /// A final text frame of `text`.
  package static func text(_ text: String) -> ByteBuffer {
    frame(.text, payload: ByteBuffer(string: text))
  }

  /// A final frame around `payload`; that of a control frame is at most 125 bytes.
  package static func frame(_ opcode: Opcode, payload: ByteBuffer) -> ByteBuffer {
    var payload = payload
    var buffer = ByteBuffer()
    buffer.reserveCapacity(payload.readableBytes + 10)
    writeHeader(opcode, length: payload.readableBytes, into: &buffer)
    buffer.writeBuffer(&payload)
    return buffer
  }

  /// A close frame (RFC 6455 §5.5.1).
  package static func close(code: UInt16, reason: String) -> ByteBuffer {
    var payload = ByteBuffer()
    payload.writeInteger(code)
    payload.writeString(reason)
    return frame(.close, payload: payload)
  }
}

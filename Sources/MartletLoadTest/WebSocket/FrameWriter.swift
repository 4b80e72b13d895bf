import NIOCore

/// Frames of a client: final, and masked with a fresh key each (RFC 6455 §5.3).
enum FrameWriter {
  /// Appends one frame to `buffer`.
  ///
  /// - Parameter maskingKey: unpredictable; the caller draws it from the system's generator.
  static func write(
    _ opcode: FrameHeader.Opcode, payload: ByteBuffer, maskingKey: UInt32,
    into buffer: inout ByteBuffer
  ) {
    buffer.writeInteger(0x80 | opcode.rawValue)
    let count = payload.readableBytes
    switch count {
    case ...125:
      buffer.writeInteger(0x80 | UInt8(count))
    case ...0xFFFF:
      buffer.writeInteger(0x80 | UInt8(126))
      buffer.writeInteger(UInt16(count))
    default:
      buffer.writeInteger(0x80 | UInt8(127))
      buffer.writeInteger(UInt64(count))
    }
    buffer.writeInteger(maskingKey)
    let start = buffer.readableBytes
    buffer.writeImmutableBuffer(payload)
    mask(&buffer, from: start, key: maskingKey)
  }

  /// The most that a frame adds to its payload, in bytes.
  static let overhead = 14

  /// §5.3: byte `i` of the payload is combined with byte `i mod 4` of the key, in network order.
  private static func mask(_ buffer: inout ByteBuffer, from start: Int, key: UInt32) {
    unsafe buffer.withUnsafeMutableReadableBytes { bytes in
      var rotating = key
      for index in start..<bytes.count {
        rotating = rotating << 8 | rotating >> 24
        // Safe: the index is within the readable bytes, and the pointer stays inside this closure.
        unsafe bytes[index] ^= UInt8(truncatingIfNeeded: rotating)
      }
    }
  }
}

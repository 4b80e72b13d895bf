import NIOCore

/// A frame of HTTP/2 as it is on the wire (RFC 9113 §4.1), good or bad; header blocks are literals (RFC 7541 §6.2.2).
enum HTTP2Frame {
  enum Kind: UInt8 {
    case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate
    case continuation
  }

  struct Received {
    var kind: UInt8
    var flags: UInt8
    var stream: UInt32
    var payload: ByteBuffer
  }

  static let endStream: UInt8 = 0x1
  static let endHeaders: UInt8 = 0x4
  static let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

  static func bytes(
    _ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: ByteBuffer = ByteBuffer()
  ) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeInteger(UInt32(payload.readableBytes) << 8 | UInt32(kind.rawValue))
    buffer.writeInteger(flags)
    buffer.writeInteger(stream)
    buffer.writeImmutableBuffer(payload)
    return buffer
  }

  static func settings(_ settings: [(UInt16, UInt32)] = []) -> ByteBuffer {
    var payload = ByteBuffer()
    for (identifier, value) in settings {
      payload.writeInteger(identifier)
      payload.writeInteger(value)
    }
    return bytes(.settings, payload)
  }

  static func request(
    _ stream: UInt32, _ path: String = "/nothing", method: String = "GET",
    _ more: [(String, String)] = [], ends: Bool = true
  ) -> ByteBuffer {
    headers(
      stream,
      [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path)] + more,
      ends: ends)
  }

  static func webSocket(_ stream: UInt32, _ path: String) -> ByteBuffer {
    headers(
      stream,
      [
        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"),
        (":authority", "a"), (":path", path), ("sec-websocket-version", "13"),
      ], ends: false)
  }

  static func headers(
    _ stream: UInt32, _ fields: [(String, String)], ends: Bool, isWhole: Bool = true
  ) -> ByteBuffer {
    bytes(
      .headers, flags: (ends ? endStream : 0) | (isWhole ? endHeaders : 0), stream: stream,
      block(fields))
  }

  static func block(_ fields: [(String, String)]) -> ByteBuffer {
    var buffer = ByteBuffer()
    for (name, value) in fields {
      buffer.writeInteger(UInt8(0))
      write(name, to: &buffer)
      write(value, to: &buffer)
    }
    return buffer
  }

  private static func write(_ text: String, to buffer: inout ByteBuffer) {
    // RFC 7541 §5.1.
    var rest = text.utf8.count
    if rest < 0x7f {
      buffer.writeInteger(UInt8(rest))
    } else {
      buffer.writeInteger(UInt8(0x7f))
      rest -= 0x7f
      while rest >= 0x80 {
        buffer.writeInteger(UInt8(rest & 0x7f | 0x80))
        rest >>= 7
      }
      buffer.writeInteger(UInt8(rest))
    }
    buffer.writeString(text)
  }

  static func data(_ stream: UInt32, _ payload: ByteBuffer, ends: Bool = false) -> ByteBuffer {
    bytes(.data, flags: ends ? endStream : 0, stream: stream, payload)
  }

  static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> ByteBuffer {
    bytes(.reset, stream: stream, ByteBuffer(integer: code))
  }

  static func windowUpdate(_ stream: UInt32, _ growth: UInt32) -> ByteBuffer {
    bytes(.windowUpdate, stream: stream, ByteBuffer(integer: growth))
  }

  /// All whole frames.
  static func read(_ bytes: ByteBuffer) -> [Received] {
    var bytes = bytes
    var frames: [Received] = []
    while let head: UInt32 = bytes.getInteger(at: bytes.readerIndex),
      bytes.readableBytes >= 9 + Int(head >> 8)
    {
      bytes.moveReaderIndex(forwardBy: 4)
      guard let flags: UInt8 = bytes.readInteger(), let stream: UInt32 = bytes.readInteger(),
        let payload = bytes.readSlice(length: Int(head >> 8))
      else { break }
      frames.append(
        Received(
          kind: UInt8(truncatingIfNeeded: head), flags: flags, stream: stream, payload: payload))
    }
    return frames
  }
}

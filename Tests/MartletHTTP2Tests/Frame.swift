import NIOCore

/// A frame as it is on the wire (RFC 9113 §4.1), made and read without nghttp2.
struct Frame: Equatable {
  enum Kind: UInt8 {
    case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate
    case continuation
  }

  static let endStream: UInt8 = 0x1
  static let acknowledgement: UInt8 = 0x1
  static let endHeaders: UInt8 = 0x4
  static let padded: UInt8 = 0x8
  static let preface = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

  var kind: UInt8
  var flags: UInt8 = 0
  var stream: Int32 = 0
  var payload = ByteBuffer()

  var type: Kind? { Kind(rawValue: kind) }
  var endsStream: Bool { flags & Self.endStream != 0 }
  var text: String { String(buffer: payload) }

  var bytes: ByteBuffer {
    var bytes = ByteBuffer()
    bytes.writeInteger(UInt32(payload.readableBytes) << 8 | UInt32(kind))
    bytes.writeInteger(flags)
    bytes.writeInteger(stream)
    bytes.writeImmutableBuffer(payload)
    return bytes
  }

  /// The number that a frame consists of: a reset's code, a window's growth.
  var number: UInt32? { payload.getInteger(at: payload.readerIndex) }

  /// The code of a GOAWAY.
  var goAwayCode: UInt32? { payload.getInteger(at: payload.readerIndex + 4) }

  static func settings(_ settings: [(UInt16, UInt32)] = []) -> Frame {
    var payload = ByteBuffer()
    for (identifier, value) in settings {
      payload.writeInteger(identifier)
      payload.writeInteger(value)
    }
    return Frame(kind: Kind.settings.rawValue, payload: payload)
  }

  static let settingsAcknowledgement = Frame(kind: Kind.settings.rawValue, flags: acknowledgement)

  static func headers(
    _ stream: Int32, _ fields: [(String, String)], endStream: Bool = false
  ) -> Frame {
    headers(
      stream, block: fields.reduce(into: ByteBuffer()) { $0.writeField($1.0, $1.1) },
      endStream: endStream)
  }

  static func headers(
    _ stream: Int32, block: ByteBuffer, endStream: Bool = false, endHeaders: Bool = true
  ) -> Frame {
    Frame(
      kind: Kind.headers.rawValue,
      flags: (endStream ? Self.endStream : 0) | (endHeaders ? Self.endHeaders : 0),
      stream: stream, payload: block)
  }

  static func data(_ stream: Int32, _ text: String = "", endStream: Bool = false) -> Frame {
    data(stream, ByteBuffer(string: text), endStream: endStream)
  }

  static func data(_ stream: Int32, _ payload: ByteBuffer, endStream: Bool = false) -> Frame {
    Frame(
      kind: Kind.data.rawValue, flags: endStream ? Self.endStream : 0, stream: stream,
      payload: payload)
  }

  static func reset(_ stream: Int32, _ code: UInt32 = 8) -> Frame {
    Frame(kind: Kind.reset.rawValue, stream: stream, payload: ByteBuffer(integer: code))
  }

  static func windowUpdate(_ stream: Int32, _ growth: UInt32) -> Frame {
    Frame(kind: Kind.windowUpdate.rawValue, stream: stream, payload: ByteBuffer(integer: growth))
  }

  static func ping(_ payload: UInt64 = 0, isAcknowledgement: Bool = false) -> Frame {
    Frame(
      kind: Kind.ping.rawValue, flags: isAcknowledgement ? acknowledgement : 0,
      payload: ByteBuffer(integer: payload))
  }

  static func goAway(lastStream: Int32, _ code: UInt32 = 0) -> Frame {
    var payload = ByteBuffer(integer: lastStream)
    payload.writeInteger(code)
    return Frame(kind: Kind.goAway.rawValue, payload: payload)
  }

  /// Takes all whole frames from the front of `bytes`.
  static func read(_ bytes: inout ByteBuffer) -> [Frame] {
    var frames: [Frame] = []
    while let head: UInt32 = bytes.getInteger(at: bytes.readerIndex),
      bytes.readableBytes >= 9 + Int(head >> 8)
    {
      bytes.moveReaderIndex(forwardBy: 4)
      guard let flags: UInt8 = bytes.readInteger(), let stream: Int32 = bytes.readInteger(),
        let payload = bytes.readSlice(length: Int(head >> 8))
      else { break }
      frames.append(
        Frame(kind: UInt8(truncatingIfNeeded: head), flags: flags, stream: stream, payload: payload)
      )
    }
    return frames
  }
}

extension ByteBuffer {
  /// A literal field that is not indexed, without Huffman code (RFC 7541 §6.2.2).
  mutating func writeField(_ name: String, _ value: String, isIndexed: Bool = false) {
    writeInteger(UInt8(isIndexed ? 0x40 : 0))
    writeHPACKString(name)
    writeHPACKString(value)
  }

  private mutating func writeHPACKString(_ text: String) {
    let count = text.utf8.count
    if count < 0x7f {
      writeInteger(UInt8(count))
    } else {
      // RFC 7541 §5.1.
      writeInteger(UInt8(0x7f))
      var rest = count - 0x7f
      while rest >= 0x80 {
        writeInteger(UInt8(rest & 0x7f | 0x80))
        rest >>= 7
      }
      writeInteger(UInt8(rest))
    }
    writeString(text)
  }
}

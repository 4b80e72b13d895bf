import NIOCore

/// A stream of events in UTF-8 (WHATWG HTML §9.2.5 and §9.2.6): bytes in, events out, wherever reads are cut. A value.
struct EventStreamParser {
  /// What takes more than ``EventStreamParser/largestEvent``.
  struct TooLarge: Error, Equatable {}

  /// Of a line and of an event's data, in bytes.
  static let largestEvent = 16 * 1024 * 1024

  /// The data of the event that was found last, lines joined by LF.
  private(set) var data = ByteBuffer()
  /// Its type; empty: `message`.
  private(set) var type = ""
  /// Where the stream is, for `Last-Event-ID`: stays until an event brings another.
  private(set) var lastEventID = ""
  /// Milliseconds to wait before a reconnect, if the server said.
  private(set) var retry: UInt64?

  /// The line so far.
  private var line = ByteBuffer()
  private var idBuffer = ""
  private var isAfterCR = false
  private var isAtStart = true
  /// The event has been handed out; what comes begins a new one.
  private var isDispatched = false

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Reads on, up to the end of the next event.
  ///
  /// - Returns: whether an event is complete: see ``data``. False: all of `bytes` is read.
  /// - Throws: ``TooLarge``, and then the stream is of no use.
  mutating func next(_ bytes: inout ByteBuffer) throws(TooLarge) -> Bool {
    if isDispatched { beginEvent() }
    while bytes.readableBytes > 0 {
      if isAfterCR {
        isAfterCR = false
        // CRLF is one end of a line.
        if bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) == 0x0A {
          bytes.moveReaderIndex(forwardBy: 1)
          continue
        }
      }
      let end = Self.lengthOfLine(bytes.readableBytesUInt8Span)
      let terminator = bytes.getInteger(at: bytes.readerIndex + end, as: UInt8.self)
      guard line.readableBytes + end <= Self.largestEvent else { throw TooLarge() }
      if let part = bytes.readSlice(length: end) { line.writeImmutableBuffer(part) }
      guard let terminator else { return false }
      bytes.moveReaderIndex(forwardBy: 1)
      isAfterCR = terminator == 0x0D
      if try endLine() { return true }
    }
    return false
  }

  /// As far as it is there.
  private static func lengthOfLine(_ bytes: Span<UInt8>) -> Int {
    var end = 0
    while end < bytes.count, bytes[end] != 0x0A, bytes[end] != 0x0D { end += 1 }
    return end
  }

  /// - Returns: whether an event is complete.
  private mutating func endLine() throws(TooLarge) -> Bool {
    defer { line.clear() }
    if isAtStart {
      isAtStart = false
      if line.readableBytesView.starts(with: Self.byteOrderMark) {
        line.moveReaderIndex(forwardBy: Self.byteOrderMark.count)
      }
    }
    guard line.readableBytes > 0 else { return dispatch() }
    guard let colon = line.readableBytesView.firstIndex(of: UInt8(ascii: ":")) else {
      return try field(String(buffer: line), ByteBuffer())
    }
    // A comment.
    guard colon > line.readerIndex else { return false }
    let name = line.readString(length: colon - line.readerIndex) ?? ""
    line.moveReaderIndex(forwardBy: 1)
    if line.getInteger(at: line.readerIndex, as: UInt8.self) == 0x20 {
      line.moveReaderIndex(forwardBy: 1)
    }
    return try field(name, line)
  }

  private mutating func field(_ name: String, _ value: ByteBuffer) throws(TooLarge) -> Bool {
    switch name {
    case "data":
      guard data.readableBytes + value.readableBytes < Self.largestEvent else { throw TooLarge() }
      data.writeImmutableBuffer(value)
      data.writeInteger(UInt8(0x0A))
    case "event": type = String(buffer: value)
    case "id":
      if !value.readableBytesView.contains(0) { idBuffer = String(buffer: value) }
    case "retry":
      let text = String(buffer: value)
      if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
        retry = UInt64(text)
      }
    default: break
    }
    return false
  }

  private mutating func dispatch() -> Bool {
    lastEventID = idBuffer
    guard data.readableBytes > 0 else {
      type = ""
      return false
    }
    // The last LF is no part of it.
    data.moveWriterIndex(to: data.writerIndex - 1)
    isDispatched = true
    return true
  }

  private mutating func beginEvent() {
    data.clear()
    type = ""
    isDispatched = false
  }
}

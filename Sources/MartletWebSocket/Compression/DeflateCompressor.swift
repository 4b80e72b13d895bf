internal import CZlib
package import NIOCore

/// Compresses messages (RFC 7692 §7.2.1). The one owner of a raw zlib stream for deflating, which exists
/// from the first message until ``release()``.
///
/// With `keepsContext` it belongs to one connection, and every message that it has compressed has to be
/// sent there, in order. Without, messages do not refer to each other: one compressor serves any number of
/// connections that accept its window, and what it has compressed once may be sent to all of them.
/// Confined to its owner.
@safe package final class DeflateCompressor {
  /// What CPU and memory to spend.
  package struct Settings: Hashable, Sendable {
    /// 0 (none) to 9 (slow).
    package var level: Int
    /// 9 to 15: at most as many as the receiver accepts. 2^(bits+2) bytes of memory.
    package var windowBits: Int
    /// 1 to 9: 2^(level+9) bytes of memory.
    package var memoryLevel: Int

    package init(level: Int = 6, windowBits: Int = 15, memoryLevel: Int = 8) {
      precondition((0...9).contains(level), "a level is 0 to 9")
      precondition((9...15).contains(windowBits), "zlib deflates with windows of 9 to 15 bits")
      precondition((1...9).contains(memoryLevel), "a memory level is 1 to 9")
      self.level = level
      self.windowBits = windowBits
      self.memoryLevel = memoryLevel
    }
  }

  /// What the end of a flushed stream looks like; not sent (RFC 7692 §7.2.1).
  private static let tailSize = 4
  /// Room for a flush, which zlib wants in one piece, and some more.
  private static let minimumRoom = 64

  package let settings: Settings
  package let keepsContext: Bool
  private var stream: UnsafeMutablePointer<z_stream>?

  package init(_ settings: Settings, keepsContext: Bool) {
    self.settings = settings
    self.keepsContext = keepsContext
  }

  /// For the messages that `role` sends, as both ends have agreed.
  package convenience init(
    _ parameters: PermessageDeflate.Parameters, of role: WebSocketRole, level: Int = 6,
    memoryLevel: Int = 8
  ) {
    self.init(
      Settings(
        level: level, windowBits: parameters.windowBits(of: role), memoryLevel: memoryLevel),
      keepsContext: parameters.hasContextTakeover(of: role))
  }

  deinit {
    free()
  }

  /// Gives the memory back until the next message, which then refers to nothing before it.
  package func release() {
    free()
  }

  private func free() {
    guard let stream = unsafe stream else { return }
    unsafe deflateEnd(stream)
    unsafe stream.deallocate()
    unsafe self.stream = nil
  }

  /// A final frame with `message` compressed.
  ///
  /// - Parameter maskKey: of a client.
  package func frame(
    _ opcode: WebSocketOpcode, _ message: ByteBuffer, maskKey: UInt32? = nil
  ) -> ByteBuffer {
    // The header's size depends on the length: it is put right before the payload afterwards.
    let room = WebSocketFraming.maximumHeaderSize
    var buffer = ByteBuffer()
    buffer.reserveCapacity(room + firstRoom(for: message))
    buffer.writeRepeatingByte(0, count: room)
    compress(message, into: &buffer)
    if let maskKey { Masking.apply(maskKey, to: &buffer, from: room) }
    var header = ByteBuffer()
    WebSocketFraming.writeHeader(
      opcode, length: buffer.readableBytes - room, isCompressed: true, maskKey: maskKey,
      into: &header)
    let start = room - header.readableBytes
    buffer.setBuffer(header, at: start)
    buffer.moveReaderIndex(to: start)
    return buffer
  }

  /// Appends the payload of a compressed message.
  package func compress(_ message: ByteBuffer, into output: inout ByteBuffer) {
    guard message.readableBytes > 0 else {
      // An empty block; zlib would write nothing at all the second time (RFC 7692 §7.2.3.6).
      output.writeInteger(UInt8(0))
      return
    }
    let stream = unsafe prepared()
    unsafe message.withUnsafeReadableBytes { input in
      // zlib does not write through this pointer.
      unsafe stream.pointee.next_in = UnsafeMutablePointer(
        mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
      unsafe stream.pointee.avail_in = UInt32(input.count)
      var room = firstRoom(for: message)
      repeat {
        unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
          unsafe stream.pointee.next_out = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
          unsafe stream.pointee.avail_out = UInt32(bytes.count)
          let status = unsafe deflate(stream, Z_SYNC_FLUSH)
          precondition(status == Z_OK || status == Z_BUF_ERROR, "zlib deflates no more (\(status))")
          return bytes.count - Int(unsafe stream.pointee.avail_out)
        }
        room = max(Int(unsafe stream.pointee.avail_in) / 2, Self.minimumRoom)
      } while unsafe stream.pointee.avail_out == 0
    }
    output.moveWriterIndex(to: output.writerIndex - Self.tailSize)
    if !keepsContext { unsafe deflateReset(stream) }
  }

  private func firstRoom(for message: ByteBuffer) -> Int {
    message.readableBytes / 2 + Self.minimumRoom
  }

  private func prepared() -> UnsafeMutablePointer<z_stream> {
    if let stream = unsafe stream { return unsafe stream }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    let status = unsafe martlet_deflateInit2(
      stream, Int32(settings.level), Int32(-settings.windowBits), Int32(settings.memoryLevel))
    precondition(status == Z_OK, "zlib refuses to deflate (\(status))")
    unsafe self.stream = stream
    return unsafe stream
  }
}

extension DeflateCompressor {
  /// A final frame with `message` compressed on its own: the same for all who accept the window.
  ///
  /// Costs memory of its own for the moment; who has many such messages keeps a compressor.
  package static func frame(
    _ opcode: WebSocketOpcode, _ message: ByteBuffer, _ settings: Settings
  ) -> ByteBuffer {
    DeflateCompressor(settings, keepsContext: false).frame(opcode, message)
  }
}

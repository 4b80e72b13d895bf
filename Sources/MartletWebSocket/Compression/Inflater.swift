internal import CZlib
internal import NIOCore

/// Decompresses the messages of one connection, one after another (RFC 7692 §7.2.2). The one owner of
/// a raw zlib stream for inflating, which takes about 7 KiB, and once used 2^bits bytes more.
///
/// Confined to its owner.
@safe final class Inflater {
  enum Outcome {
    /// All of the input was taken.
    case done
    /// The output is at its limit, and there is more. What comes has no meaning any more.
    case full
    /// The input is not DEFLATE. What comes has no meaning any more.
    case corrupt
  }

  /// What a compressor has removed from the end of a message (RFC 7692 §7.2.1).
  private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
  /// The smallest and the largest step in which the output grows, in bytes.
  private static let steps = 512...65536

  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  /// Nothing of the current message has come yet.
  private var isBetweenMessages = true

  /// - Parameter windowBits: 8 to 15: how far back the peer refers. 8 is taken for 9, since peers on zlib
  ///   cannot do 8, and may have used 9 instead.
  init(windowBits: Int) {
    unsafe stream.initialize(to: z_stream())
    let status = unsafe martlet_inflateInit2(stream, Int32(-max(windowBits, 9)))
    precondition(status == Z_OK, "zlib refuses to inflate (\(status))")
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Goes on with a part of a message.
  ///
  /// - Parameters:
  ///   - output: the message so far; what is decompressed is appended.
  ///   - limit: of all of `output`, in bytes. It never gets larger than that.
  func inflate(_ input: ByteBuffer, into output: inout ByteBuffer, limit: Int) -> Outcome {
    guard input.readableBytes > 0 else { return .done }
    isBetweenMessages = false
    return unsafe input.withUnsafeReadableBytes { input in
      unsafe inflate(input, into: &output, limit: limit, flush: Z_SYNC_FLUSH)
    }
  }

  /// Ends the message.
  func endMessage(into output: inout ByteBuffer, limit: Int) -> Outcome {
    // A sender owes at least one byte (RFC 7692 §7.2.3.6), but some send nothing for nothing.
    guard !isBetweenMessages else { return .done }
    isBetweenMessages = true
    let outcome = unsafe Self.tail.withUnsafeBytes { tail in
      unsafe inflate(tail, into: &output, limit: limit, flush: Z_BLOCK)
    }
    guard case .done = outcome else { return outcome }
    // zlib says where it has stopped: 128 at the end of a block, 64 in the last one, below 32 the bits
    // left over. Elsewhere the message was cut off, or bytes are missing before the tail.
    let place = unsafe stream.pointee.data_type
    guard place & 128 != 0, place & 31 == 0 else { return .corrupt }
    if place & 64 != 0 { unsafe inflateResetKeep(stream) }
    return .done
  }

  private func inflate(
    _ input: UnsafeRawBufferPointer, into output: inout ByteBuffer, limit: Int, flush: Int32
  ) -> Outcome {
    // zlib does not write through this pointer.
    unsafe stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    unsafe stream.pointee.avail_in = UInt32(input.count)
    while true {
      let step = Self.step(forInput: Int(unsafe stream.pointee.avail_in))
      let room = limit - output.readableBytes
      var status: Int32
      if room > 0 {
        status = inflateStep(into: &output, min(room, step), flush: flush)
      } else {
        // At the limit: one byte more tells whether there is more.
        var probe: UInt8 = 0
        status = unsafe inflate(to: &probe, 1, flush: flush)
        if unsafe stream.pointee.avail_out == 0 { return .full }
      }
      switch status {
      case Z_STREAM_END:
        // A final block ends nothing here: further blocks follow, and may refer to what was before
        // (RFC 7692 §7.2.3.4). `inflateReset` would forget the window.
        unsafe inflateResetKeep(stream)
      case Z_OK, Z_BUF_ERROR:
        break
      case Z_MEM_ERROR:
        preconditionFailure("out of memory while inflating")
      default:
        return .corrupt
      }
      if unsafe stream.pointee.avail_in == 0 && stream.pointee.avail_out > 0 { return .done }
      // Without progress although there is input and room.
      if status == Z_BUF_ERROR, unsafe stream.pointee.avail_out > 0 { return .corrupt }
    }
  }

  /// How much room to make for what `count` bytes may become.
  private static func step(forInput count: Int) -> Int {
    min(max(count * 4, steps.lowerBound), steps.upperBound)
  }

  private func inflateStep(into output: inout ByteBuffer, _ room: Int, flush: Int32) -> Int32 {
    var status = Z_OK
    unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
      unsafe status = inflate(
        to: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), room, flush: flush)
      return room - Int(unsafe stream.pointee.avail_out)
    }
    return status
  }

  private func inflate(
    to output: UnsafeMutablePointer<UInt8>?, _ room: Int, flush: Int32
  ) -> Int32 {
    unsafe stream.pointee.next_out = output
    unsafe stream.pointee.avail_out = UInt32(room)
    return unsafe CZlib.inflate(stream, flush)
  }
}

internal import NIOCore

/// How much is read from a connection at once.
///
/// A channel keeps the first buffer for as long as it lives, so that one is small; every other is made anew and given away. They
/// become larger as long as they are filled. With NIO's own allocator an idle connection would keep 2 KiB, and one that was
/// busy once as much as it may read at once.
struct ReceiveBuffers: RecvByteBufferAllocator {
  /// In bytes.
  private static let first: Int32 = 256
  private static let usual: Int32 = 2_048
  /// What a client may have in one turn of the loop.
  private static let largest: Int32 = 16_384

  private var size = first

  func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
    allocator.buffer(capacity: Int(size))
  }

  /// Nil: buffers are not used again.
  func nextBufferSize() -> Int? { nil }

  /// - Returns: true, or the first buffer would be used again.
  mutating func record(actualReadBytes: Int) -> Bool {
    if actualReadBytes >= Int(size) {
      size *= 4
    } else if actualReadBytes < Int(size / 4) {
      size /= 4
    }
    size = min(max(size, Self.usual), Self.largest)
    return true
  }
}

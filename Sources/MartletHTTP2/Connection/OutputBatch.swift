internal import NIOCore

/// What leaves a connection in one write. Small pieces are copied together; large ones are passed on as
/// they are, for a gathering write.
struct OutputBatch {
  /// A copy of so much costs less than one more entry of a gathering write.
  private static let copied = 4_096

  private var segments: [ByteBuffer] = []
  private var tail = ByteBuffer()
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  /// Makes room for about as much as will be copied.
  mutating func reserve(_ bytes: Int, _ allocator: ByteBufferAllocator) {
    tail = allocator.buffer(capacity: bytes)
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    unsafe tail.writeBytes(bytes)
    count += bytes.count
  }

  mutating func append(_ bytes: ByteBuffer) {
    count += bytes.readableBytes
    guard bytes.readableBytes > Self.copied else {
      tail.writeImmutableBuffer(bytes)
      return
    }
    if tail.readableBytes > 0 {
      segments.append(tail)
      tail = ByteBuffer()
    }
    segments.append(bytes)
  }

  /// All pieces in order.
  consuming func pieces() -> [ByteBuffer] {
    if tail.readableBytes > 0 { segments.append(tail) }
    return segments
  }
}

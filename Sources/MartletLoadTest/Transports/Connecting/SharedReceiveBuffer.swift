import NIOCore

/// The buffer that all plain sockets of a loop read into, one after another: an idle connection holds none, a busy one allocates
/// none. Confined to its loop.
final class SharedReceiveBuffer {
  /// In bytes: what one read takes at most.
  static let size = 65_536

  /// Nil while a connection has it.
  private var buffer: ByteBuffer?

  /// A buffer to be given back.
  func lend(_ allocator: ByteBufferAllocator) -> ByteBuffer {
    guard var buffer = buffer.take() else { return allocator.buffer(capacity: Self.size) }
    // Somebody may have kept a part of what was read last.
    let isFree: Void? = buffer.modifyIfUniquelyOwned { $0.clear() }
    return isFree == nil ? allocator.buffer(capacity: Self.size) : buffer
  }

  func giveBack(_ buffer: ByteBuffer) {
    // The first one of a channel is not from here.
    guard buffer.storageCapacity >= Self.size else { return }
    self.buffer = buffer
  }
}

/// How a channel gets what it reads into.
///
/// NIO keeps the first buffer of a channel for as long as the channel lives: that one is small. Every other is the shared one, or
/// made anew and given away.
struct ReceiveBuffers: RecvByteBufferAllocator {
  /// In bytes.
  private static let first = 256
  private static let usual = 8_192

  private let shared: NIOLoopBound<SharedReceiveBuffer>?
  private var isFirst = true

  /// - Parameter shared: of sockets whose reader gives back; nil: others.
  init(_ shared: NIOLoopBound<SharedReceiveBuffer>?) {
    self.shared = shared
  }

  func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
    if isFirst { return allocator.buffer(capacity: Self.first) }
    return shared?.value.lend(allocator) ?? allocator.buffer(capacity: Self.usual)
  }

  /// Nil: buffers are not pooled by the channel.
  func nextBufferSize() -> Int? { nil }

  /// - Returns: true, or the first buffer would be used again.
  mutating func record(actualReadBytes: Int) -> Bool {
    isFirst = false
    return true
  }
}

internal import NIOCore

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The outbound queue of a plaintext socket: sends directly on the descriptor while nothing is
/// pending in NIO, and hands NIO the rest of a short or refused `send`.
///
/// Order holds because it stays behind NIO until NIO has written everything. NIO's own write path
/// costs about as much again as the system call. Confined to the channel's event loop.
struct SocketWriter {
  /// Everything goes through NIO, as for a channel with TLS.
  static let throughNIO = SocketWriter(descriptor: -1)

  /// -1 if there is none, as in tests.
  private var descriptor: CInt
  /// Handed to NIO and not yet written.
  private(set) var pendingBytes = 0

  init(_ channel: any Channel) {
    let handle = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
      of: NIOBSDSocket.Handle.self
    ) { $0 }
    descriptor = handle ?? -1
  }

  private init(descriptor: CInt) {
    self.descriptor = descriptor
  }

  /// The channel is closed: its descriptor may be another connection's at any time.
  mutating func close() {
    descriptor = -1
  }

  /// What has to go through NIO.
  enum Remainder {
    case none
    case some(ByteBuffer)
  }

  /// Sends what the socket takes at once; the remainder must be passed to ``handedToNIO(_:)``
  /// and written by the caller.
  @inline(__always)
  mutating func sendNow(_ bytes: ByteBuffer) -> Remainder {
    guard pendingBytes == 0, descriptor >= 0 else { return .some(bytes) }
    let sent = unsafe bytes.withUnsafeReadableBytes { pointer in
      unsafe systemSend(descriptor, pointer.baseAddress, pointer.count)
    }
    if sent == bytes.readableBytes { return .none }
    // Refused or short; an error of the socket shows again when NIO writes.
    return .some(
      bytes.getSlice(
        at: bytes.readerIndex + max(sent, 0),
        length: bytes.readableBytes - max(sent, 0)) ?? bytes)
  }

  mutating func handedToNIO(_ bytes: Int) {
    pendingBytes += bytes
  }

  mutating func writtenByNIO(_ bytes: Int) {
    pendingBytes -= bytes
  }
}

@inline(__always)
private func systemSend(_ descriptor: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  #if canImport(Glibc)
    unsafe send(descriptor, bytes, count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
  #else
    unsafe send(descriptor, bytes, count, MSG_DONTWAIT)
  #endif
}

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Masking keys (RFC 6455 §5.3) and nonces of one loop, which no server can predict (§10.3): from the system's generator, many at
/// a time, because each call of it costs more than a frame. Confined to its loop.
final class MaskKeys {
  /// What getentropy(3) gives at most, in bytes.
  private static let batch = 256

  private var bytes: [UInt8] = []

  func next() -> UInt32 {
    var key: UInt32 = 0
    for _ in 0..<4 { key = key << 8 | UInt32(byte()) }
    return key
  }

  /// RFC 6455 §4.1: 16 bytes.
  func nonce() -> [UInt8] { (0..<16).map { _ in byte() } }

  private func byte() -> UInt8 {
    if let byte = bytes.popLast() { return byte }
    bytes = [UInt8](repeating: 0, count: Self.batch)
    let status = unsafe bytes.withUnsafeMutableBytes {
      unsafe getentropy($0.baseAddress, $0.count)
    }
    precondition(status == 0, "the system gives no random bytes")
    return bytes.removeLast()
  }
}

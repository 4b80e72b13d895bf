internal import COpenSSL

/// The names of application protocols as the handshake carries them: each with its length before it
/// (RFC 7301 §3.1).
///
/// The bytes stay where they are for as long as their owner lives, because OpenSSL's answer points at them.
@safe struct ApplicationProtocols: ~Copyable, Sendable {
  /// A name's length is one byte, a list's two.
  private static let nameLengths = 1...255
  private static let maximumLength = 65_535

  /// Written by `init` only.
  nonisolated(unsafe) private let bytes: UnsafeMutableBufferPointer<UInt8>

  /// - Throws: ``TLSError/configuration(file:problem:)`` for a name that does not fit.
  init(_ names: [String]) throws(TLSError) {
    var list: [UInt8] = []
    for name in names {
      guard Self.nameLengths.contains(name.utf8.count) else {
        throw .configuration(problem: "application protocol '\(name)': its length must be 1 to 255")
      }
      list.append(UInt8(name.utf8.count))
      list.append(contentsOf: name.utf8)
    }
    guard list.count <= Self.maximumLength else {
      throw .configuration(problem: "too many application protocols")
    }
    unsafe bytes = .allocate(capacity: list.count)
    _ = unsafe bytes.initialize(fromContentsOf: list)
  }

  deinit {
    unsafe bytes.deallocate()
  }

  var isEmpty: Bool { unsafe bytes.isEmpty }

  /// Has `context`'s sessions offer the list.
  func offer(in context: OpaquePointer) {
    // Unlike its neighbours, this function returns 0 for success.
    let status = unsafe SSL_CTX_set_alpn_protos(context, bytes.baseAddress, UInt32(bytes.count))
    precondition(status == 0, "out of memory while setting application protocols")
  }

  /// The first of the list that is also in `offered`, or nil; points into one of them.
  func select(from offered: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
    var start: UnsafeMutablePointer<UInt8>?
    var length: UInt8 = 0
    let status = unsafe SSL_select_next_proto(
      &start, &length, bytes.baseAddress, UInt32(bytes.count), offered.baseAddress,
      UInt32(offered.count))
    guard status == OPENSSL_NPN_NEGOTIATED else { return nil }
    return unsafe UnsafeBufferPointer(start: start, count: Int(length))
  }
}

internal import COpenSSL
internal import NIOCore

/// The place where a session picks up ciphertext, and leaves it.
///
/// One BIO serves both directions, and has no memory of its own: what was received is read where it lies,
/// and what is to be sent is written where it leaves from. Confined to its session's event loop.
@safe final class TransportBIO {
  /// Owned and freed by the session's `SSL`.
  let pointer: OpaquePointer
  /// Received, not yet read by the session.
  private var input = ByteBuffer()
  /// Written by the session, not yet sent.
  private var output = ByteBuffer()

  private nonisolated(unsafe) static let method: OpaquePointer = unsafe makeMethod()

  init() {
    guard let pointer = unsafe BIO_new(Self.method) else {
      preconditionFailure("out of memory while creating a TLS session")
    }
    unsafe self.pointer = pointer
    unsafe BIO_set_data(pointer, Unmanaged.passUnretained(self).toOpaque())
    unsafe BIO_set_init(pointer, 1)
  }

  private static func makeMethod() -> OpaquePointer {
    let kind = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
    guard let method = unsafe BIO_meth_new(kind, "martlet") else {
      preconditionFailure("out of memory while setting up TLS")
    }
    let isSet =
      unsafe BIO_meth_set_read_ex(method, readTransport) == 1
      && BIO_meth_set_write_ex(method, writeTransport) == 1
      && BIO_meth_set_ctrl(method, controlTransport) == 1
    precondition(isSet, "OpenSSL refuses a BIO's functions")
    return unsafe method
  }

  var inputCount: Int { input.readableBytes }
  var outputCount: Int { output.readableBytes }
  /// What it has allocated, used or not.
  var capacity: Int { input.capacity + output.capacity }

  /// Takes all readable bytes of `ciphertext`.
  func receive(_ ciphertext: ByteBuffer) {
    if input.readableBytes == 0 {
      input = ciphertext
    } else {
      input.writeImmutableBuffer(ciphertext)
    }
  }

  /// Makes room for so many bytes more than there are.
  func reserveOutput(_ count: Int) {
    output.reserveCapacity(minimumWritableBytes: count)
  }

  /// Gives away what is to be sent.
  func takeOutput() -> ByteBuffer {
    let taken = output
    output = ByteBuffer()
    return taken
  }

  // MARK: Called by OpenSSL

  fileprivate func read(into bytes: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(bytes.count, input.readableBytes)
    unsafe input.readWithUnsafeReadableBytes { readable in
      unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: readable[..<count]))
      return count
    }
    // An idle session keeps no buffer.
    if input.readableBytes == 0 { input = ByteBuffer() }
    return count
  }

  fileprivate func write(_ bytes: UnsafeRawBufferPointer) {
    unsafe output.writeBytes(bytes)
  }
}

private func transport(of bio: OpaquePointer?) -> TransportBIO {
  guard let data = unsafe BIO_get_data(bio) else {
    preconditionFailure("a BIO without its transport")
  }
  return unsafe Unmanaged<TransportBIO>.fromOpaque(data).takeUnretainedValue()
}

private func readTransport(
  _ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int,
  _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
  unsafe martlet_BIO_clear_retry(bio)
  let room = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: size)
  let read = unsafe transport(of: bio).read(into: room)
  unsafe count?.pointee = read
  guard read == 0, size > 0 else { return 1 }
  unsafe martlet_BIO_should_read_again(bio)
  return 0
}

private func writeTransport(
  _ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ size: Int,
  _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
  unsafe martlet_BIO_clear_retry(bio)
  unsafe transport(of: bio).write(UnsafeRawBufferPointer(start: bytes, count: size))
  unsafe count?.pointee = size
  return 1
}

private func controlTransport(
  _ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ pointer: UnsafeMutableRawPointer?
) -> Int {
  // What was written is there at once; nothing else is asked that has an answer.
  command == BIO_CTRL_FLUSH ? 1 : 0
}

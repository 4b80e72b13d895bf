internal import COpenSSL
internal import NIOCore

/// The place where a session picks up or leaves ciphertext. Owned and freed by the session's `SSL`.
@safe struct MemoryBIO {
  let pointer: OpaquePointer

  init() {
    guard let pointer = unsafe martlet_BIO_new_memory() else {
      preconditionFailure("out of memory while creating a TLS session")
    }
    unsafe self.pointer = pointer
  }

  /// Bytes that wait in it.
  var count: Int { unsafe BIO_ctrl_pending(pointer) }

  /// What it has allocated, used or not.
  var capacity: Int { unsafe martlet_BIO_memory_capacity(pointer) }

  /// Takes all readable bytes of `buffer`.
  func write(_ buffer: inout ByteBuffer) {
    guard buffer.readableBytes > 0 else { return }
    unsafe buffer.readWithUnsafeReadableBytes { bytes in
      var written = 0
      let status = unsafe BIO_write_ex(pointer, bytes.baseAddress, bytes.count, &written)
      precondition(status == 1 && written == bytes.count, "out of memory while reading TLS records")
      return written
    }
  }

  /// Moves everything to `buffer`.
  func read(into buffer: inout ByteBuffer) {
    let count = count
    guard count > 0 else { return }
    unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
      var read = 0
      let status = unsafe BIO_read_ex(pointer, bytes.baseAddress, count, &read)
      precondition(status == 1 && read == count, "a memory BIO gave less than it has")
      return read
    }
  }

  /// Gives its allocation back if nothing waits in it. Making it anew costs less than can be measured
  /// beside a record's encryption.
  func trim() {
    guard count == 0, capacity > 0 else { return }
    unsafe martlet_BIO_release_memory(pointer)
  }
}

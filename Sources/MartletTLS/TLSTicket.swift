internal import COpenSSL

/// What a client keeps of a connection to come back without a full handshake: one owner of an OpenSSL
/// `SSL_SESSION`. Has secrets. Any thread.
@safe package final class TLSTicket: Sendable {
  /// OpenSSL counts references to it atomically; immutable since the session that made it has let go.
  nonisolated(unsafe) let pointer: OpaquePointer

  /// Takes the reference over.
  init(_ pointer: OpaquePointer) {
    unsafe self.pointer = pointer
  }

  deinit {
    unsafe SSL_SESSION_free(pointer)
  }

  var isResumable: Bool { unsafe SSL_SESSION_is_resumable(pointer) == 1 }
}

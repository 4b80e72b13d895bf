internal import COpenSSL

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What OpenSSL noted about a failure on this thread.
///
/// The notes of one failure must not be taken for those of the next: clear before a call, take after it.
struct OpenSSLError {
  /// Of the library `ERR_LIB_…`.
  var library: Int32
  var reason: Int32
  /// The reason in words.
  var text: String

  static func clearAll() {
    ERR_clear_error()
  }

  /// The cause of the last failure; leaves no notes.
  ///
  /// The first note is the cause; those after it are its consequences further up.
  static func takeFirst() -> OpenSSLError {
    let code = ERR_get_error()
    ERR_clear_error()
    let systemError = martlet_ERR_system_error(code)
    let text =
      if systemError != 0 {
        unsafe String(cString: strerror(systemError))
      } else if let reason = unsafe ERR_reason_error_string(code) {
        unsafe String(cString: reason)
      } else {
        "OpenSSL does not say why (\(code))"
      }
    return OpenSSLError(library: ERR_GET_LIB(code), reason: ERR_GET_REASON(code), text: text)
  }
}

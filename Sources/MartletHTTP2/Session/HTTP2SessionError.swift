internal import CNghttp2

/// nghttp2 cannot go on with a session.
struct HTTP2SessionError: Error, Equatable {
  /// A value of `nghttp2_error`.
  var status: Int32

  /// What to tell the peer.
  var code: HTTP2ErrorCode {
    switch status {
    // What an HTTP/1 client sends, or noise.
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: .protocolError
    case NGHTTP2_ERR_FLOODED.rawValue, NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue,
      NGHTTP2_ERR_TOO_MANY_SETTINGS.rawValue:
      .enhanceYourCalm
    // Our callbacks fail only on purpose; whoever made them fail knows a better code.
    default: .internalError
    }
  }

  /// Whether a call of nghttp2 succeeded; false if it came too late, as for a stream that has ended.
  ///
  /// Running out of memory ends the program, as everywhere in Swift.
  static func succeeded(_ status: Int32) -> Bool {
    precondition(status != NGHTTP2_ERR_NOMEM.rawValue, "out of memory in an HTTP/2 session")
    return status >= 0
  }
}

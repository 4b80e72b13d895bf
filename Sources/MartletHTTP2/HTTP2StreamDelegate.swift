package import NIOCore

/// Who uses a stream. Called on the connection's event loop.
///
/// Every method may call any method of any stream and of the connection's handler: what they send
/// is collected and leaves at the end of the turn. `closed` comes exactly once, and nothing after it.
package protocol HTTP2StreamDelegate: AnyObject {
  /// The peer sent bytes. They share memory with what was read from the socket: whoever keeps them
  /// for long copies them.
  func received(_ bytes: ByteBuffer)

  /// The peer sends nothing more. Comes also for a request or response without body.
  func receivedEnd()

  /// ``HTTP2Stream/pendingBytes`` fell below ``HTTP2Configuration/drainedMark``.
  func drained()

  /// The stream is over, for the given reason.
  func closed(_ reason: HTTP2StreamClosure)
}

extension HTTP2StreamDelegate {
  package func drained() {}
}

/// Who made a request.
package protocol HTTP2ClientStreamDelegate: HTTP2StreamDelegate {
  /// The response began; also for each interim one (1xx).
  func received(_ head: HTTP2ResponseHead)
}

/// Why a stream is over.
package enum HTTP2StreamClosure: Equatable, Sendable {
  /// Both sides sent all they had.
  case finished
  case resetByPeer(HTTP2ErrorCode)
  /// By its owner, or because the peer broke a rule of HTTP.
  case resetHere(HTTP2ErrorCode)
  /// The peer took none of the pending bytes for ``HTTP2Configuration/stallTimeout``.
  case stalled
  /// The server has not looked at the request, which may be repeated on another connection
  /// (RFC 9113 §8.7).
  case refused
  /// The server knows no extended CONNECT (RFC 8441 §3).
  case unsupported
  /// With the code of the GOAWAY by which this side or the peer ended the connection, if one did.
  case connectionClosed(HTTP2ErrorCode?)
}

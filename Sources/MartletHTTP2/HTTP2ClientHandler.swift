/// The client's side of HTTP/2 on a channel that carries its bytes in the clear; for tests and the load
/// generator. Sends its preface when the channel is active. Confined to the channel's event loop.
package final class HTTP2ClientHandler: HTTP2Handler {
  /// - Parameters:
  ///   - configuration: has to be valid. Of the windows and sizes those apply that a client tells.
  ///   - goAwayReceived: the server asks to go elsewhere; streams after the given one are over as
  ///     ``HTTP2StreamClosure/refused``.
  ///   - settingsReceived: the server's first settings are known.
  package init(
    configuration: HTTP2Configuration = HTTP2Configuration(),
    goAwayReceived: ((HTTP2ErrorCode, _ lastStreamID: Int32) -> Void)? = nil,
    settingsReceived: (() -> Void)? = nil
  ) {
    super.init(HTTP2Connection(.client, configuration))
    connection.goAwayReceived = goAwayReceived
    connection.settingsReceived = settingsReceived
  }

  /// How many streams of this side the server allows at a time (RFC 9113 §5.1.2). Not known before its settings have come.
  package var streamLimit: Int { connection.session.peerStreamLimit }

  /// Sends a request; its body follows by ``HTTP2Stream/write(_:)`` and ``HTTP2Stream/end(discardingInput:)``
  /// unless the head has `endStream`.
  ///
  /// An extended CONNECT waits for the server's settings, and is closed as
  /// ``HTTP2StreamClosure/unsupported`` if they do not allow it (RFC 8441 §3). A request above the
  /// server's limit of streams waits as well.
  package func request(
    _ head: HTTP2RequestHead, delegate: any HTTP2ClientStreamDelegate
  ) -> HTTP2Stream {
    connection.request(head, delegate)
  }
}

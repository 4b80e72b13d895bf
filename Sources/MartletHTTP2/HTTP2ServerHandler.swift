/// The server's side of HTTP/2 on a channel that carries its bytes in the clear: behind TLS with ALPN
/// `h2`, or bare after a look by ``HTTP2Preface``. The first bytes have to be the client's preface.
///
/// Streams are ``HTTP2Stream``s. Bytes written in one turn of the loop leave in one write. Confined to
/// the channel's event loop.
package final class HTTP2ServerHandler: HTTP2Handler {
  /// - Parameters:
  ///   - configuration: has to be valid.
  ///   - accept: called when the head of a request is complete; returns who uses the stream. Nil: nobody
  ///     does. Then the stream is refused if it was not answered, and ended if it was.
  package init(
    configuration: HTTP2Configuration = HTTP2Configuration(),
    accept: @escaping (HTTP2Stream, HTTP2RequestHead) -> (any HTTP2StreamDelegate)?
  ) {
    super.init(HTTP2Connection(.server(accept), configuration))
  }
}

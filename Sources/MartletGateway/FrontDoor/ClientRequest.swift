internal import MartletDaemon
internal import NIOCore
internal import NIOHTTP1

/// A request of a client or a backend, whichever version of HTTP it came by.
struct ClientRequest: Sendable {
  /// How the request asks for a WebSocket.
  enum WebSocketHandshake: Sendable {
    /// By an upgrade (RFC 6455 §4.2).
    case upgrade
    /// By an extended CONNECT on an HTTP/2 stream (RFC 8441 §5).
    case connect
  }

  var http: HTTPRequest
  /// Nil: it asks for none.
  var webSocket: WebSocketHandshake?
  /// The peer of the connection, which may be a proxy.
  var address: SocketAddress?
  /// Completes when nobody waits for the answer any more: the connection, or the HTTP/2 stream, is gone, or it has been given.
  var closed: EventLoopFuture<Void>
  /// Of the connection.
  var allowance: NIOLoopBound<PublishAllowance>

  var head: HTTPRequestHead { http.head }
  var path: Substring { http.path }
  var origin: String? { head.headers.first(name: "Origin") }
}

/// What becomes of a request.
enum ClientAnswer: Sendable {
  case response(HTTPResponse)
  /// The response goes on as a stream of bytes, or is none any more: a WebSocket.
  case stream(StreamOpening)
}

/// The head of a response, and what happens behind it.
struct StreamOpening: Sendable {
  var status: HTTPResponseStatus
  var headers: HTTPHeaders
  /// Called when the head is on its way.
  var begin: NIOLoopBound<(any ByteStream) -> Void>
}

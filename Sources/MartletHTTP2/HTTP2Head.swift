package import NIOHTTP1

/// What a request begins with (RFC 9113 §8.3.1).
package struct HTTP2RequestHead: Equatable, Sendable {
  package var method: HTTPMethod
  /// Empty for a CONNECT without `protocol`.
  package var scheme: String
  /// The `:authority`, or the Host field of a client that sent none.
  package var authority: String
  /// Path and query; empty for a CONNECT without `protocol`.
  package var path: String
  /// What an extended CONNECT asks for (RFC 8441 §4), as `websocket`.
  package var `protocol`: String?
  /// Names in lower case; cookies joined to one field (RFC 9113 §8.2.3).
  package var headers: HTTPHeaders
  /// Whether the request has no body.
  package var endStream: Bool

  package init(
    method: HTTPMethod, scheme: String = "https", authority: String, path: String,
    protocol: String? = nil, headers: HTTPHeaders = [:], endStream: Bool = false
  ) {
    self.method = method
    self.scheme = scheme
    self.authority = authority
    self.path = path
    self.protocol = `protocol`
    self.headers = headers
    self.endStream = endStream
  }

  /// An extended CONNECT that asks for a WebSocket (RFC 8441 §5).
  package static func webSocket(
    scheme: String = "https", authority: String, path: String, headers: HTTPHeaders = [:]
  ) -> HTTP2RequestHead {
    var headers = headers
    headers.replaceOrAdd(name: "sec-websocket-version", value: "13")
    return HTTP2RequestHead(
      method: .CONNECT, scheme: scheme, authority: authority, path: path, protocol: "websocket",
      headers: headers)
  }
}

/// What a response begins with (RFC 9113 §8.3.2).
package struct HTTP2ResponseHead: Equatable, Sendable {
  package var status: HTTPResponseStatus
  package var headers: HTTPHeaders
  /// Whether the response has no body.
  package var endStream: Bool

  package init(status: HTTPResponseStatus, headers: HTTPHeaders, endStream: Bool) {
    self.status = status
    self.headers = headers
    self.endStream = endStream
  }
}

/// By what a session's client has come. The values are few, and label metrics.
enum TransportKind: String, CaseIterable, Sendable {
  case webSocket = "ws"
  /// On a stream of an HTTP/2 connection (RFC 8441).
  case webSocketOverHTTP2 = "ws-h2"
  case eventStream = "sse"
  case poll
}

/// Which end of a connection this is (RFC 6455 §5.1): clients mask what they send, servers do not.
package enum WebSocketRole: Sendable {
  case client
  case server
}

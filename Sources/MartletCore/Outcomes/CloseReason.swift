/// Why a gateway closes a session: the one table that the gateway, clients, metrics, documents
/// and tests share (docs/protocol.md, Close codes).
package enum CloseReason: String, CaseIterable, Sendable {
  case normal
  case protocolError = "protocol_error"
  case invalidText = "invalid_text"
  case frameTooLarge = "frame_too_large"
  case draining
  case unauthenticated
  case notPermitted = "not_permitted"
  case badRequest = "bad_request"
  case idle
  case slowConsumer = "slow_consumer"
  case unavailable
  case connectionAge = "connection_age"

  /// The WebSocket close code (RFC 6455 §7.4).
  package var code: UInt16 {
    switch self {
    case .normal: 1000
    case .protocolError: 1002
    case .invalidText: 1007
    case .frameTooLarge: 1009
    case .draining: 1012
    case .unauthenticated: 4001
    case .notPermitted: 4003
    case .badRequest: 4004
    case .idle: 4005
    case .slowConsumer: 4006
    case .unavailable: 4007
    case .connectionAge: 4008
    }
  }

  /// Whether a client should connect again, with its position.
  package var shouldReconnect: Bool {
    switch self {
    case .draining, .idle, .slowConsumer, .unavailable, .connectionAge: true
    case .normal, .protocolError, .invalidText, .frameTooLarge, .unauthenticated, .notPermitted,
      .badRequest:
      false
    }
  }

  /// The label of this reason in metrics and logs, and the reason text of the close frame.
  package var label: String { rawValue }
}

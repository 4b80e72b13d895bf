/// Why a connection, or the attempt to make one, ended.
enum ConnectionEnd: Sendable, Equatable {
  /// No TCP connection.
  case connectFailed(String)
  /// The server did not switch to WebSocket.
  case refused(UpgradeHandshake.Refusal)
  /// The server sent a close frame; 1005 when it named no code.
  case closed(code: UInt16, reason: String)
  /// The connection ended without a close frame.
  case lost(String)
  /// The server broke RFC 6455.
  case violation(String)
  /// The server did not complete the join in time.
  case timedOut
  /// A fault of the scenario has cut it.
  case dropped

  /// For counting: few distinct values.
  var label: String {
    switch self {
    case .connectFailed: "connect_failed"
    case .refused(let refusal): refusal.label
    case .closed(let code, _): "close_\(code)"
    case .lost: "lost"
    case .violation: "protocol_violation"
    case .timedOut: "timed_out"
    case .dropped: "dropped"
    }
  }

  /// For a person.
  var message: String {
    switch self {
    case .connectFailed(let message): message
    case .refused(let refusal): refusal.message
    case .closed(let code, let reason):
      reason.isEmpty ? "closed with code \(code)" : "closed with code \(code) (\(reason))"
    case .lost(let message): message
    case .violation(let message): "protocol violation: \(message)"
    case .timedOut: "no connection_established in time"
    case .dropped: "cut by this program"
    }
  }
}

/// The latencies that are measured.
package enum LatencyKind: String, Sendable, CaseIterable, Codable {
  /// Connect started → the transport is open.
  case connect
  /// Connect started → `connection_established`.
  case join
  /// Publication intended → its acknowledgement read.
  case acknowledge
  /// Publication intended → read by a member, for each member.
  case deliver
  /// Reconnect started → told that nothing was missed, or all that was.
  case recover
  /// Connect of a client intended → its `user_joined` read by another member.
  case presence
}

/// A position in a group's history: where a client goes on after a reconnect.
struct Position: Sendable, Equatable {
  var epoch: String
  var offset: UInt64
}

/// One message of a server, as far as a load test cares.
enum ServerMessage: Equatable {
  /// A publication of this run; `offset` if it is numbered, `epoch` if one begins here that continues the former one.
  case publication(Publication, offset: UInt64?, epoch: String?)
  /// A publication of an earlier run, or one that is not a load test's; its offset if numbered.
  case foreign(offset: UInt64?, epoch: String?)
  /// The join is complete; `recovered` is nil when no recovery was asked for.
  case established(position: Position?, recovered: Bool?)
  case resync(position: Position?)
  /// `ref` is nil when it is not one of ours.
  case acknowledgement(ref: UInt32?)
  case error(code: String, ref: UInt32?)
  /// Milliseconds to wait before reconnecting.
  case draining(reconnectAfter: UInt64?)
  /// Somebody came; `started` is when a client of this run meant to, in nanoseconds since the run began.
  case userJoined(started: UInt64?)
}

internal import NIOCore

/// Where a connection stands, and what follows from that. Decides; ``TLSHandler`` acts.
struct ConnectionState: Equatable {
  enum Phase {
    /// The channel is not active yet. → handshaking, closed
    case idle
    /// → open; closing (a failure); closed
    case handshaking
    /// Plaintext flows. → closing, closed
    case open
    /// close_notify or an alert is on its way; nothing else is sent or delivered. → closed
    case closing
    case closed
  }

  /// The peer's half of the connection; the halves end apart from each other (RFC 8446 §6.1).
  enum Input {
    case open
    /// close_notify has come.
    case closedByPeer
    /// By `close(mode: .input)`.
    case closedHere
  }

  /// This side's half of the connection.
  enum Output {
    case open
    /// `close(mode: .output)` came before the end of the handshake. → closed
    case closesAfterHandshake
    /// close_notify has been sent.
    case closed
  }

  var phase = Phase.idle
  var input = Input.open
  var output = Output.open

  /// Why bytes cannot be written, or nil.
  var writeError: ChannelError? {
    switch (phase, output) {
    case (.closing, _), (.closed, _): .ioOnClosedChannel
    case (_, .closesAfterHandshake), (_, .closed): .outputClosed
    case (_, .open): nil
    }
  }

  /// What it means that the transport brings no more bytes; nil: it was to be expected, or is the
  /// consequence of what has been reported.
  var errorOfEnd: TLSError? {
    switch (phase, input) {
    case (.handshaking, _): .handshake("the peer has closed the connection")
    case (.open, .open): .truncated
    case (.open, _), (.idle, _), (.closing, _), (.closed, _): nil
    }
  }

  /// Whether close_notify belongs before the end. After a failure an alert has taken its place.
  func owesCloseNotify(after error: TLSError?) -> Bool {
    phase == .open && output == .open && (error == nil || error == .truncated)
  }
}

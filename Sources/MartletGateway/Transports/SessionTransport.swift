internal import MartletCore
internal import NIOCore

/// The connection of a session, whatever it is made of. Confined to the session's event loop.
protocol SessionTransport: AnyObject {
  var kind: TransportKind { get }

  /// In which ``send(_:)`` wants its frames.
  var format: WireFormat { get }

  /// How often the peer gets a sign of life; nil: as the gateway's limits say.
  var heartbeat: TimeAmount? { get }

  /// Whether so much is unsent that ephemeral events are to be left out.
  var isCongested: Bool { get }

  /// See ``TransportOwner/unsentBytes``.
  var unsentBytes: Int { get }

  /// Sends complete frames in the transport's wire format, after everything sent before. Does
  /// nothing once closed; closes the session as a slow consumer if too much is unsent.
  func send(_ frames: ByteBuffer)

  /// Sends the first JSON text of a session.
  ///
  /// - Parameters:
  ///   - position: where the client is in its group.
  ///   - recovered: whether what it has missed follows; nil if it has not asked.
  func introduce(_ text: String, position: Position, recovered: Bool?)

  /// Sends one JSON text.
  ///
  /// - Parameter position: where the client is in its group from then on, if the text says so.
  func send(text: String, position: Position?)

  /// Asks the peer for a sign of life.
  func ping()

  /// Stops or resumes reading from the peer.
  func setReading(_ isReading: Bool)

  /// Tells the peer why, and ends the connection. Idempotent.
  func close(_ reason: CloseReason)

  /// Ends the connection at once.
  func abort()
}

extension SessionTransport {
  func introduce(_ text: String, position: Position, recovered: Bool?) {
    send(text: text, position: position)
  }

  /// Sends one JSON text.
  func send(text: String) {
    send(text: text, position: nil)
  }
}

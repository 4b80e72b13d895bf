internal import MartletCore
internal import MartletProtocol
internal import NIOCore

/// Whom a transport serves: it is told what the peer does. Confined to the transport's event loop.
protocol TransportOwner: AnyObject {
  /// Of its transport.
  var kind: TransportKind { get }

  /// The peer has sent something, whatever it is.
  func heard()

  /// A whole text message.
  func received(_ message: ByteBuffer)

  /// A whole binary message.
  func receivedBinary(_ message: ByteBuffer)

  /// Something could not be taken; the connection stays.
  func refuse(_ refused: RefusedFrame)

  /// The peer, or the transport, wants an end.
  func close(_ reason: CloseReason)

  /// The connection is gone; called once.
  func transportClosed()

  // MARK: For the hub

  /// Bytes that were sent and have not left, but for those that an HTTP/2 connection counts.
  var unsentBytes: Int { get }

  /// Time has passed.
  ///
  /// - Parameter wallClock: seconds since 1970.
  func sweep(now: NIODeadline, wallClock: Int64)

  /// The gateway stops.
  ///
  /// - Parameter reconnectAfter: milliseconds.
  func drain(reconnectAfter: Int64)

  /// Ends the connection at once.
  func abort()
}

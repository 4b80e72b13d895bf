import NIOCore

/// What a simulated client knows of its connection, whatever that is made of. Confined to the event loop of its ``Dialer``.
///
/// Whatever is called after the end does nothing.
protocol ClientTransport: AnyObject {
  /// Sends one text message. It may leave only with ``flush()``; of event streams and polls it is a request of its own.
  ///
  /// - Parameter sequence: what an answer to this message has as `ref`, on transports whose acknowledgement is a response; nil:
  ///   none. Of WebSockets the message itself says so.
  func send(_ text: ByteBuffer, sequence: UInt32?)

  func flush()

  /// At the beginning a transport reads at once.
  func setReading(_ reading: Reading)

  /// Reads what has come, of a transport that reads on demand.
  func read()

  /// Leaves politely, a WebSocket with code 1000 (RFC 6455 §7.1.1). The delegate hears nothing afterwards.
  func close()

  /// Cuts the connection, as a crash would. The delegate hears nothing afterwards.
  func abort()
}

/// Whose connection it is. Called on its event loop, and never from within ``Dialer/dial(_:delegate:)``.
protocol ClientTransportDelegate: AnyObject {
  /// The server has accepted the connection; what it brings follows.
  func transportDidOpen()

  /// One message of the server, as the text that a WebSocket would bring: the `data` of events; made of the answers to polls and
  /// publications. The span lives for the call.
  ///
  /// - Parameter now: when the bytes were read, nanoseconds of the monotonic clock.
  func transportDidReceive(_ text: Span<UInt8>, now: UInt64)

  /// Called once, and last; not after ``ClientTransport/close()`` or ``ClientTransport/abort()``.
  func transportDidEnd(_ end: ConnectionEnd)
}

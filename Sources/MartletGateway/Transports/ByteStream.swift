internal import MartletCore
internal import NIOCore

/// Bytes both ways under a transport: a socket of its own, or a stream of an HTTP/2 connection. Confined to its event loop.
///
/// Whatever is called after the end does nothing.
protocol ByteStream: AnyObject {
  /// Whom it tells what comes. Released with ``ByteStreamDelegate/closed()``.
  var delegate: (any ByteStreamDelegate)? { get set }

  var eventLoop: any EventLoop { get }

  /// The peer of the connection.
  var remoteAddress: SocketAddress? { get }

  /// Bytes that were written and that the socket, or the connection, has not taken.
  var pendingBytes: Int { get }

  /// ``pendingBytes``, but for those that are counted as their connection's.
  var ownPendingBytes: Int { get }

  /// Sends `bytes` after all that was written before.
  func write(_ bytes: ByteBuffer)

  /// Stops or resumes reading; what comes meanwhile waits at the peer.
  func setReading(_ isReading: Bool)

  /// Sends nothing after what was written, and tells the peer so: it is to end the stream. What it sends meanwhile is
  /// taken, if the stream cannot be ended without it.
  func endOutput()

  /// Ends the stream when what was written has left.
  func end()

  /// Ends the stream at once.
  func abort()
}

/// How long a peer may take to read the last bytes, and to answer them.
private let closeTimeout = TimeAmount.seconds(2)

extension ByteStream {
  /// Ends the stream after some time, whatever is unsent: a peer that does not read would keep it for ever.
  func scheduleAbort() -> Scheduled<Void> {
    let stream = NIOLoopBound(self as any ByteStream, eventLoop: eventLoop)
    return eventLoop.scheduleTask(in: closeTimeout) { stream.value.abort() }
  }
}

/// Who uses a ``ByteStream``. Called on its event loop.
protocol ByteStreamDelegate: AnyObject {
  func received(_ bytes: ByteBuffer)

  /// The peer sends nothing more, but may still read.
  func receivedEnd()

  /// The stream is over. Comes once, and nothing after it.
  func closed()
}

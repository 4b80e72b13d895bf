import NIOCore
import NIOHTTP1

/// What brings a client its bytes: a socket, or a stream of an HTTP/2 connection. Confined to its event loop.
///
/// Whatever is called after the end does nothing.
protocol ClientStream: AnyObject {
  /// At the beginning a stream reads at once.
  func setReading(_ reading: Reading)

  /// Reads what has come, of a stream that reads on demand.
  func read()

  /// Ends the stream at once; the owner hears nothing afterwards.
  func abort()
}

/// One that also takes bytes.
protocol ClientByteStream: ClientStream {
  /// Sends `bytes` after all that was written before, with ``flush()`` at the latest.
  func write(_ bytes: ByteBuffer)

  func flush()

  /// Ends this side when what was written has left.
  func end()
}

/// Whose bytes they are: one that speaks to the server from the first byte on.
protocol ByteStreamOwner: AnyObject {
  func streamDidConnect()
  func streamDidReceive(_ bytes: ByteBuffer)

  /// Comes once, and nothing after it.
  func streamDidEnd(_ end: ConnectionEnd)
}

/// Whose request it was.
protocol ResponseOwner: AnyObject {
  /// Not for interim responses (1xx).
  func responseDidBegin(status: Int, _ fields: HTTPHeaders)
  func responseDidReceive(_ bytes: ByteBuffer)
  /// The server sends nothing more.
  func responseDidEnd()

  /// There is no response, or no more of it. Comes once, and nothing after it.
  func responseDidFail(_ end: ConnectionEnd)
}

package import NIOCore

/// What the peer has sent. Payloads are unmasked and decompressed.
///
/// A payload may share the storage of the bytes that it came in: who keeps a small one for long
/// copies it.
package enum WebSocketEvent: Equatable, Sendable {
  /// A whole message of valid UTF-8.
  case text(ByteBuffer)
  /// A whole message.
  case binary(ByteBuffer)
  /// To be answered by a pong with the same payload (RFC 6455 §5.5.2).
  case ping(ByteBuffer)
  case pong(ByteBuffer)
  /// The peer sends nothing more (RFC 6455 §5.5.1). The code is nil if it gave none.
  case close(code: UInt16?, reason: String)
  /// A message above ``WebSocketLimits/messageSize``; its bytes are gone. The connection may go on.
  case tooLarge
}

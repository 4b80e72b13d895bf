internal import MartletWebSocket

/// In which bytes a transport wants publications.
enum WireFormat: Hashable, Sendable {
  /// Text frames, unmasked (RFC 6455 §5.2).
  case webSocket
  /// The same, those from `floor` bytes on compressed on their own (RFC 7692).
  case webSocketDeflated(DeflateCompressor.Settings, floor: Int)
  /// Server-sent events (WHATWG HTML §9.2).
  case eventStream
  /// JSON objects, each with a comma behind it.
  case list
}

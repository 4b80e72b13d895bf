package import MartletWebSocket
internal import NIOCore

extension WebSocketEvent {
  package static func text(_ text: String) -> WebSocketEvent { .text(ByteBuffer(string: text)) }
  package static func binary(_ bytes: [UInt8]) -> WebSocketEvent {
    .binary(ByteBuffer(bytes: bytes))
  }
  package static func ping(_ text: String) -> WebSocketEvent { .ping(ByteBuffer(string: text)) }
  package static func pong(_ text: String) -> WebSocketEvent { .pong(ByteBuffer(string: text)) }
}

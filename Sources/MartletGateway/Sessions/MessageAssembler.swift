internal import MartletCore
internal import NIOCore

/// Puts data frames together to messages (RFC 6455 §5.4). A value; knows nothing of sockets.
struct MessageAssembler {
  /// A whole message.
  enum Message: Equatable {
    case text(ByteBuffer)
    case binary
    /// Above the limit; its bytes are gone.
    case tooLarge
  }

  enum Kind: Equatable {
    case text
    case binary
  }

  private struct Partial {
    var kind: Kind
    var bytes: ByteBuffer
    var isTooLarge: Bool
  }

  private let limit: Int
  private var partial: Partial?

  /// - Parameter limit: of a message, in bytes.
  init(limit: Int) {
    self.limit = limit
  }

  /// - Parameters:
  ///   - kind: nil for a continuation frame.
  ///   - isFinal: the FIN bit.
  /// - Returns: a message when it is complete.
  /// - Throws: ``ProtocolViolation`` when the frame may not come here.
  mutating func add(
    _ kind: Kind?, isFinal: Bool, _ payload: ByteBuffer
  ) throws(ProtocolViolation) -> Message? {
    switch (kind, partial) {
    case (_?, _?):
      throw ProtocolViolation("a new message before the last fragment of the one before")
    case (nil, nil):
      throw ProtocolViolation("a continuation without a message")
    case (let kind?, nil):
      let isTooLarge = payload.readableBytes > limit
      if isFinal { return Self.message(kind, payload, isTooLarge) }
      partial = Partial(
        kind: kind, bytes: isTooLarge ? ByteBuffer() : payload, isTooLarge: isTooLarge)
      return nil
    case (nil, var current?):
      partial = nil
      var payload = payload
      if current.isTooLarge || current.bytes.readableBytes + payload.readableBytes > limit {
        current.isTooLarge = true
        current.bytes = ByteBuffer()
      } else {
        current.bytes.writeBuffer(&payload)
      }
      if isFinal { return Self.message(current.kind, current.bytes, current.isTooLarge) }
      partial = current
      return nil
    }
  }

  private static func message(_ kind: Kind, _ bytes: ByteBuffer, _ isTooLarge: Bool) -> Message {
    if isTooLarge { return .tooLarge }
    return kind == .text ? .text(bytes) : .binary
  }
}

/// The peer broke the WebSocket protocol; the connection has to end.
struct ProtocolViolation: Error, Equatable {
  var message: String

  init(_ message: String) {
    self.message = message
  }
}

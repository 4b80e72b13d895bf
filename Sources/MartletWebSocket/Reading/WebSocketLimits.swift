/// What an end of a connection takes from its peer, in bytes.
package struct WebSocketLimits: Hashable, Sendable {
  /// Of a frame's payload, as it is on the wire. A larger frame ends the connection.
  package var frameSize: Int
  /// Of a whole message, after decompression. A larger message is dropped.
  package var messageSize: Int

  package init(frameSize: Int, messageSize: Int) {
    self.frameSize = frameSize
    self.messageSize = messageSize
  }
}

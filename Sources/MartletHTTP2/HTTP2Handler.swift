package import NIOCore

/// What both sides of HTTP/2 on a channel have in common: they pass the channel's events on to an
/// ``HTTP2Connection``. Confined to the channel's event loop.
package class HTTP2Handler: ChannelDuplexHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundIn = Never
  package typealias OutboundOut = ByteBuffer

  let connection: HTTP2Connection

  init(_ connection: HTTP2Connection) {
    self.connection = connection
  }

  /// Open streams, and requests that wait for their turn.
  package final var streamCount: Int { connection.streams.count + connection.waiting.count }

  /// Bytes that streams have pending, and those that the channel has and has not written.
  package final var pendingBytes: Int { connection.pendingBytes + connection.unwritten }

  /// Ends the connection when its streams are over. A server asks its client to go elsewhere for further
  /// requests, in two steps, so that none is lost (RFC 9113 §6.8). Idempotent.
  package final func goAway() {
    connection.goAway()
  }

  /// Closes the connection and with it its streams at once.
  package final func abort() {
    connection.abort()
  }

  package final func handlerAdded(context: ChannelHandlerContext) {
    connection.start(context)
  }

  package final func handlerRemoved(context: ChannelHandlerContext) {
    connection.removed()
  }

  package final func channelActive(context: ChannelHandlerContext) {
    connection.start(context)
    context.fireChannelActive()
  }

  package final func channelInactive(context: ChannelHandlerContext) {
    connection.transportClosed()
    context.fireChannelInactive()
  }

  package final func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    connection.receive(unwrapInboundIn(data))
  }

  package final func channelReadComplete(context: ChannelHandlerContext) {
    connection.flush()
    context.fireChannelReadComplete()
  }

  package final func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // HTTP/2 has no half of a connection.
    if event as? ChannelEvent == .inputClosed { connection.abort() }
    context.fireUserInboundEventTriggered(event)
  }

  package final func errorCaught(context: ChannelHandlerContext, error: any Error) {
    connection.abort()
    context.fireErrorCaught(error)
  }
}

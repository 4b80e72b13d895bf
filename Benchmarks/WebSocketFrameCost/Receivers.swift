internal import MartletWebSocket
internal import NIOCore
internal import NIOWebSocket

/// Counts what was received, so that nothing is optimised away.
final class Sink {
  var bytes = 0
}

/// A session as it would be with this module: a reader in a channel handler.
final class ReaderHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private var reader: WebSocketReader
  private let sink: Sink

  init(_ sink: Sink) {
    self.sink = sink
    reader = WebSocketReader(
      role: .server, limits: WebSocketLimits(frameSize: 1 << 16, messageSize: 1 << 16))
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    receive(unwrapInboundIn(data))
  }

  func receive(_ bytes: consuming ByteBuffer) {
    reader.append(bytes)
    do throws(WebSocketViolation) {
      while let event = try reader.next() {
        if case .text(let text) = event { sink.bytes += text.readableBytes }
      }
    } catch {
      preconditionFailure("\(error)")
    }
  }
}

/// A session behind NIO's decoder, which leaves unmasking and UTF-8 to it.
final class FrameHandler: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame

  private let sink: Sink

  init(_ sink: Sink) {
    self.sink = sink
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    precondition(frame.fin && frame.maskKey != nil && !frame.rsv1 && !frame.rsv2 && !frame.rsv3)
    let text = frame.unmaskedData
    guard frame.opcode == .text,
      (try? UTF8Span(validating: text.readableBytesUInt8Span)) != nil
    else { preconditionFailure("not a text frame") }
    sink.bytes += text.readableBytes
  }
}

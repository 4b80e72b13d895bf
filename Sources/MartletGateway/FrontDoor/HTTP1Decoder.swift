internal import NIOCore
internal import NIOHTTP1

/// NIO's decoder of requests, which gives back what it has not read when the connection is not HTTP any more.
/// Confined to its channel's event loop.
final class HTTP1Decoder: ByteToMessageDecoder {
  typealias InboundOut = HTTPServerRequestPart

  private let decoder: HTTPRequestDecoder
  private var isOver = false
  /// What has come behind the request that ended HTTP on this connection.
  private(set) var leftOver = ByteBuffer()

  /// - Parameter limit: of a head, in bytes.
  init(limit: Int) {
    var bounds = NIOHTTPDecoderLimitConfiguration()
    bounds.maxHeaderFieldSize = limit
    bounds.maxHeaderListSize = limit
    decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: bounds)
  }

  /// Nothing more is HTTP.
  func stop() {
    isOver = true
  }

  func decoderAdded(context: ChannelHandlerContext) {
    decoder.decoderAdded(context: context)
  }

  func decoderRemoved(context: ChannelHandlerContext) {
    decoder.decoderRemoved(context: context)
  }

  func decode(
    context: ChannelHandlerContext, buffer: inout ByteBuffer
  ) throws -> DecodingState {
    guard !isOver else { return .needMoreData }
    return try decoder.decode(context: context, buffer: &buffer)
  }

  func decodeLast(
    context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
  ) throws -> DecodingState {
    guard isOver else {
      return try decoder.decodeLast(context: context, buffer: &buffer, seenEOF: seenEOF)
    }
    leftOver.writeBuffer(&buffer)
    return .needMoreData
  }
}

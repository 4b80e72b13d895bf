internal import MartletDaemon
internal import NIOCore
internal import NIOHTTP1

/// HTTP/1.1 on a channel, until a WebSocket or a stream of events takes the channel over. Confined to its event loop.
final class HTTP1Connection {
  /// What an event has around it in a request of the API.
  private static let envelopeAllowance = 4_096

  private let channel: any Channel
  private let isPlain: Bool
  private let encoder: HTTPResponseEncoder
  private var handlers: [any RemovableChannelHandler] = []

  private init(_ channel: any Channel, isPlain: Bool) {
    self.channel = channel
    self.isPlain = isPlain
    // Whoever answers sets Content-Length; what goes on without an end has neither that nor chunks.
    var configuration = HTTPResponseEncoder.Configuration()
    configuration.automaticallySetFramingHeaders = false
    encoder = HTTPResponseEncoder(configuration: configuration)
  }

  /// Adds the handlers to `channel`, whose bytes are those of HTTP/1.1.
  ///
  /// - Parameter isPlain: whether the socket carries these bytes as they are, without TLS.
  static func install(on channel: any Channel, _ door: FrontDoor, isPlain: Bool) throws {
    let connection = HTTP1Connection(channel, isPlain: isPlain)
    try connection.install(door)
  }

  private func install(_ door: FrontDoor) throws {
    let limits = door.services.limits
    let bound = NIOLoopBound((self, door), eventLoop: channel.eventLoop)
    let requests = HTTPRequestHandler(
      bodyLimit: limits.messageSize + Self.envelopeAllowance, timeout: limits.handshakeTimeout
    ) { request, _, gone in
      let (connection, door) = bound.value
      return connection.answer(request, door, gone)
    }
    var bounds = NIOHTTPDecoderLimitConfiguration()
    bounds.maxHeaderFieldSize = limits.headerSize
    bounds.maxHeaderListSize = limits.headerSize
    handlers = [
      ByteToMessageHandler(
        HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: bounds)),
      HTTPServerPipelineHandler(), NIOHTTPResponseHeadersValidator(),
      requests,
    ]
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(encoder)
    for handler in handlers { try pipeline.addHandler(handler) }
  }

  private func answer(
    _ request: HTTPRequest, _ door: FrontDoor, _ gone: EventLoopFuture<Void>
  ) -> EventLoopFuture<HTTPAnswer> {
    let isUpgrade = WebSocketUpgrade.isWanted(by: request.head)
    let bound = NIOLoopBound((self, door), eventLoop: channel.eventLoop)
    return door.answer(
      ClientRequest(
        http: request, webSocket: isUpgrade ? .upgrade : nil, address: channel.remoteAddress,
        closed: gone)
    ).hop(to: channel.eventLoop).map { answer in
      switch answer {
      case .response(var response):
        // The client is to find another gateway, not this one on the same connection.
        if bound.value.1.isDraining { response.headers.add(name: "Connection", value: "close") }
        return .response(response)
      case .stream(let opening):
        var headers = opening.headers
        if !isUpgrade { headers.add(name: "Connection", value: "close") }
        return .handover(
          HTTPResponseHead(version: .http1_1, status: opening.status, headers: headers)
        ) { _, headWritten in bound.value.0.handOver(to: opening, behind: headWritten) }
      }
    }
  }

  /// The channel speaks HTTP no more. What the client sent before it knew is lost: it may not have (RFC 6455 §4.1).
  private func handOver(to opening: StreamOpening, behind headWritten: EventLoopFuture<Void>) {
    let stream = SocketStream(channel, isPlain: isPlain, behind: headWritten)
    let pipeline = channel.pipeline.syncOperations
    do {
      try pipeline.addHandler(stream, position: .before(encoder))
    } catch {
      return channel.close(promise: nil)
    }
    for handler in [encoder] + handlers { pipeline.removeHandler(handler, promise: nil) }
    handlers = []
    opening.begin.value(stream)
  }
}

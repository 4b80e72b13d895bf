internal import MartletCore
internal import MartletDaemon
internal import NIOCore
internal import NIOHTTP1

/// HTTP/1.1 on a channel, until a WebSocket or a stream of events takes the channel over. Confined to its event loop.
final class HTTP1Connection {
  private let channel: any Channel
  private let isPlain: Bool
  private let allowance: PublishAllowance
  private let decoder: HTTP1Decoder
  /// Nil when the channel is handed over.
  private var handlers: (ByteToMessageHandler<HTTP1Decoder>, HTTPRequestHandler)?

  private init(_ channel: any Channel, _ limits: GatewayLimits, isPlain: Bool) {
    self.channel = channel
    allowance = PublishAllowance(limits)
    self.isPlain = isPlain
    decoder = HTTP1Decoder(limit: limits.headerSize)
  }

  /// Adds the handlers to `channel`, whose bytes are those of HTTP/1.1.
  ///
  /// - Parameter isPlain: whether the socket carries these bytes as they are, without TLS.
  static func install(on channel: any Channel, _ door: FrontDoor, isPlain: Bool) throws {
    let connection = HTTP1Connection(channel, door.services.limits, isPlain: isPlain)
    try connection.install(door)
  }

  private func install(_ door: FrontDoor) throws {
    let limits = door.services.limits
    let bound = NIOLoopBound((self, door), eventLoop: channel.eventLoop)
    let requests = HTTPRequestHandler(
      bodyLimit: limits.bodySize, timeout: limits.handshakeTimeout
    ) { request, _, gone in
      let (connection, door) = bound.value
      return connection.answer(request, door, gone)
    }
    let hub = door.hub
    requests.unsentBytesChanged = { hub.unsentAnswers += $0 }
    let decoding = ByteToMessageHandler(decoder)
    handlers = (decoding, requests)
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(decoding)
    try pipeline.addHandler(requests)
  }

  private func answer(
    _ request: HTTPRequest, _ door: FrontDoor, _ gone: EventLoopFuture<Void>
  ) -> EventLoopFuture<HTTPAnswer> {
    let isUpgrade = WebSocketUpgrade.isWanted(by: request.head)
    guard !isUpgrade || !WebSocketUpgrade.hasBody(request.head) else {
      return channel.eventLoop.makeSucceededFuture(
        .response(GatewayAPI.response(Refusal(.badParameter, "an upgrade has no body"))))
    }
    let bound = NIOLoopBound((self, door), eventLoop: channel.eventLoop)
    return door.answer(
      ClientRequest(
        http: request, webSocket: isUpgrade ? .upgrade : nil, address: channel.remoteAddress,
        closed: gone, allowance: NIOLoopBound(allowance, eventLoop: channel.eventLoop))
    ).hop(to: channel.eventLoop).map { answer in
      switch answer {
      case .response(var response):
        // The client is to find another gateway, not this one on the same connection.
        if bound.value.1.isDraining { response.headers.add(name: "Connection", value: "close") }
        return .response(response)
      case .stream(let opening):
        return .handover { _ in bound.value.0.handOver(to: opening, closes: !isUpgrade) }
      }
    }
  }

  /// The channel speaks HTTP no more: what the client has sent behind its request belongs to what follows. The head of the
  /// answer leaves with what is sent at once, in one write.
  private func handOver(to opening: StreamOpening, closes: Bool) {
    let pipeline = channel.pipeline.syncOperations
    let stream = SocketStream(channel, isPlain: isPlain)
    guard let (decoding, requests) = handlers,
      (try? pipeline.addHandler(stream, position: .before(decoding))) != nil
    else { return channel.close(promise: nil) }
    handlers = nil
    decoder.stop()
    pipeline.removeHandler(requests, promise: nil)
    var headers = opening.headers
    if closes { headers.add(name: "Connection", value: "close") }
    var head = ByteBuffer()
    head.writeHTTP1Head(.http1_1, opening.status, headers)
    stream.hold(behind: head)
    opening.begin.value(stream)
    stream.release()
    let bound = NIOLoopBound((stream, decoder), eventLoop: channel.eventLoop)
    pipeline.removeHandler(decoding).assumeIsolated().whenComplete { _ in
      let (stream, decoder) = bound.value
      stream.begin(with: decoder.leftOver)
    }
  }
}

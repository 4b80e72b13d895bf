package import NIOCore
package import NIOHTTP1

/// What becomes of a request.
package enum HTTPAnswer: Sendable {
  case response(HTTPResponse)
  /// The head is sent, and the channel handed over: called on its loop, in a turn in which nothing is being decoded, with what
  /// completes when the head has been written. The handler takes nothing that comes afterwards; what has come and is not used
  /// is lost.
  case handover(HTTPResponseHead, @Sendable (any Channel, EventLoopFuture<Void>) -> Void)
}

/// Answers whole HTTP/1.1 requests one after the other.
///
/// Confined to its channel's event loop.
package final class HTTPRequestHandler: ChannelInboundHandler, RemovableChannelHandler {
  package typealias InboundIn = HTTPServerRequestPart
  package typealias OutboundOut = HTTPServerResponsePart

  /// Answers a request; called on the channel's loop, may complete on any.
  ///
  /// The future that it is given completes when nobody waits for the answer any more, be it that it has been given: what
  /// hung on the channel's end would stay for as long as the connection is used again and again.
  package typealias Responder =
    @Sendable (HTTPRequest, any Channel, EventLoopFuture<Void>) ->
    EventLoopFuture<HTTPAnswer>

  private enum State {
    case idle
    case receiving(HTTPRequest)
    /// The body is above the limit: the rest is ignored, the answer is 413.
    case tooLarge(HTTPRequestHead)
    /// The channel is no longer this handler's, or what it brings is no HTTP.
    case handedOver
  }

  private let bodyLimit: Int
  private let timeout: TimeAmount
  private let respond: Responder
  private var state = State.idle
  private var deadline: Scheduled<Void>?
  /// Of the request that is being answered.
  private var gone: EventLoopPromise<Void>?

  /// - Parameters:
  ///   - bodyLimit: in bytes; a longer body is answered 413.
  ///   - timeout: a connection that brings no whole request for this long is closed, however
  ///     diligently it drips bytes.
  package init(bodyLimit: Int, timeout: TimeAmount, respond: @escaping Responder) {
    self.bodyLimit = bodyLimit
    self.timeout = timeout
    self.respond = respond
  }

  package func handlerAdded(context: ChannelHandlerContext) {
    startDeadline(context)
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
    nobodyWaits()
  }

  package func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    nobodyWaits()
    context.fireChannelInactive()
  }

  private func startDeadline(_ context: ChannelHandlerContext) {
    deadline?.cancel()
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: timeout) { bound.value.close(promise: nil) }
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Of a type that is anybody's guess.
    if case .handedOver = state { return }
    switch (unwrapInboundIn(data), state) {
    case (.head(let head), _):
      state = .receiving(HTTPRequest(head: head, body: ByteBuffer()))
    case (.body(var part), .receiving(var request)):
      guard request.body.readableBytes + part.readableBytes <= bodyLimit else {
        state = .tooLarge(request.head)
        return
      }
      state = .idle
      request.body.writeBuffer(&part)
      state = .receiving(request)
    case (.body, _):
      break
    case (.end, .receiving(let request)):
      state = .idle
      answer(request, context)
    case (.end, .tooLarge(let head)):
      state = .idle
      write(
        .json(
          .payloadTooLarge,
          #"{"error":{"code":"too_large","message":"the body is above \#(bodyLimit) bytes"}}"#),
        to: head, context)
    case (.end, .idle), (_, .handedOver):
      break
    }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if case .handedOver = state { return }
    guard let error = error as? HTTPParserError, context.channel.isActive else {
      return context.close(promise: nil)
    }
    state = .handedOver
    refuse(error, context)
  }

  /// What comes is no request: nothing behind it can be understood.
  private func refuse(_ error: HTTPParserError, _ context: ChannelHandlerContext) {
    let response: HTTPResponse =
      error == .headerOverflow
      ? .json(
        .requestHeaderFieldsTooLarge,
        #"{"error":{"code":"too_large","message":"the head of the request is too large"}}"#)
      : .json(
        .badRequest,
        #"{"error":{"code":"malformed","message":"this is no HTTP/1.1 request"}}"#)
    var head = HTTPResponseHead(
      version: .http1_1, status: response.status, headers: response.headers)
    head.headers.replaceOrAdd(name: "Content-Length", value: "\(response.body.readableBytes)")
    head.headers.replaceOrAdd(name: "Connection", value: "close")
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      bound.value.close(promise: nil)
    }
  }

  private func answer(_ request: HTTPRequest, _ context: ChannelHandlerContext) {
    deadline?.cancel()
    nobodyWaits()
    let gone = context.eventLoop.makePromise(of: Void.self)
    self.gone = gone
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    respond(request, context.channel, gone.futureResult).hop(to: context.eventLoop).whenComplete {
      result in
      let (handler, context) = bound.value
      switch result {
      case .success(.response(let response)):
        handler.write(response, to: request.head, context)
      case .success(.handover(let head, let take)):
        // The decoder may be in the middle of what it has read.
        context.eventLoop.execute {
          let (handler, context) = bound.value
          handler.handOver(head, take, context)
        }
      case .failure:
        handler.write(
          .json(
            .internalServerError,
            #"{"error":{"code":"internal","message":"the request could not be answered"}}"#),
          to: request.head, context)
      }
    }
  }

  private func nobodyWaits() {
    let gone = gone
    self.gone = nil
    gone?.succeed()
  }

  private func handOver(
    _ head: HTTPResponseHead, _ take: (any Channel, EventLoopFuture<Void>) -> Void,
    _ context: ChannelHandlerContext
  ) {
    guard context.channel.isActive else { return }
    nobodyWaits()
    state = .handedOver
    take(context.channel, context.writeAndFlush(wrapOutboundOut(.head(head))))
  }

  /// Whether the decoder reads nothing behind `request`: what follows would be of another protocol (RFC 9110 §7.8, §9.3.6).
  private static func endsReading(_ request: HTTPRequestHead) -> Bool {
    request.method == .CONNECT
      || (request.headers.contains(name: "Upgrade")
        && contains("upgrade", request.headers))
  }

  private static func contains(_ option: String, _ headers: HTTPHeaders) -> Bool {
    headers[canonicalForm: "Connection"].contains { $0.lowercased() == option }
  }

  private func write(
    _ response: HTTPResponse, to request: HTTPRequestHead, _ context: ChannelHandlerContext
  ) {
    guard context.channel.isActive else { return }
    nobodyWaits()
    startDeadline(context)
    let isLast =
      !request.isKeepAlive || Self.endsReading(request) || Self.contains("close", response.headers)
    var head = HTTPResponseHead(
      version: request.version, status: response.status, headers: response.headers)
    head.headers.replaceOrAdd(name: "Content-Length", value: "\(response.body.readableBytes)")
    if isLast, !Self.contains("close", head.headers) {
      head.headers.add(name: "Connection", value: "close")
    }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if request.method != .HEAD {
      context.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
    }
    let done = context.writeAndFlush(wrapOutboundOut(.end(nil)))
    if isLast {
      let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
      done.whenComplete { _ in bound.value.close(promise: nil) }
    }
  }
}

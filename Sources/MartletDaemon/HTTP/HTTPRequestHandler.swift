internal import MartletCore
package import NIOCore
package import NIOHTTP1

/// What becomes of a request.
package enum HTTPAnswer: Sendable {
  case response(HTTPResponse)
  /// The channel is handed over, to be answered by whoever takes it: called on its loop, behind all earlier answers, in a turn in
  /// which nothing is being decoded. The handler takes nothing that comes afterwards.
  case handover(@Sendable (any Channel) -> Void)
}

/// Answers whole HTTP/1.1 requests one after the other. Behind a request that breaks the rules, or is too large, nothing is read.
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
    /// Can transition to: receiving, ended.
    case idle
    /// Can transition to: idle, ended.
    case receiving(HTTPRequest)
    /// The channel is no longer this handler's, or will be closed: what it brings is ignored.
    case ended
  }

  /// How long a client may take to read the last answer and to close: a connection that is closed with bytes unread is reset, and
  /// the answer may be lost (RFC 9112 §9.6).
  private static let lingerTimeout = TimeAmount.seconds(1)

  /// Told of bytes of answers that wait for the socket, as they come and go.
  package var unsentBytesChanged: ((Int) -> Void)?

  private let bodyLimit: Int
  private let timeout: TimeAmount
  /// Nil once the handler is removed: who responds may own it.
  private var respond: Responder?
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
    startDeadline(context, timeout)
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
    respond = nil
    nobodyWaits()
  }

  package func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    nobodyWaits()
    context.fireChannelInactive()
  }

  private func startDeadline(_ context: ChannelHandlerContext, _ timeout: TimeAmount) {
    deadline?.cancel()
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: timeout) { bound.value.close(promise: nil) }
  }

  // MARK: Requests

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .ended = state { return }
    switch (unwrapInboundIn(data), state) {
    case (.head(let head), _):
      do throws(HTTPRequestRules.Violation) {
        state = .receiving(
          HTTPRequest(head: try HTTPRequestRules.checked(head), body: ByteBuffer()))
      } catch {
        return refuse(error, context)
      }
      if let length = head.headers.first(name: "Content-Length").flatMap({ Int($0) }),
        length > bodyLimit
      {
        refuse(tooLarge, context)
      }
    case (.body(var part), .receiving(var request)):
      guard request.body.readableBytes + part.readableBytes <= bodyLimit else {
        return refuse(tooLarge, context)
      }
      state = .idle
      request.body.writeBuffer(&part)
      state = .receiving(request)
    case (.end, .receiving(let request)):
      state = .idle
      answer(request, context)
    case (.body, _), (.end, _):
      break
    }
  }

  private var tooLarge: HTTPRequestRules.Violation {
    HTTPRequestRules.Violation(
      status: .payloadTooLarge, code: "too_large", message: "the body is above \(bodyLimit) bytes")
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if case .ended = state { return }
    guard let error = error as? HTTPParserError, context.channel.isActive else {
      return context.close(promise: nil)
    }
    refuse(
      error == .headerOverflow
        ? HTTPRequestRules.Violation(
          status: .requestHeaderFieldsTooLarge, code: "too_large",
          message: "the head of the request is too large")
        : .malformed("this is no HTTP/1.1 request"), context)
  }

  /// Nothing behind such a request can be understood, or is worth it.
  private func refuse(_ violation: HTTPRequestRules.Violation, _ context: ChannelHandlerContext) {
    state = .ended
    let response = HTTPResponse.json(
      violation.status,
      #"{"error":{"code":"\#(violation.code)","message":\#(JSONText.quoted(violation.message))}}"#)
    startDeadline(context, timeout)
    var head = HTTPResponseHead(
      version: .http1_1, status: response.status, headers: response.headers)
    head.headers.replaceOrAdd(name: "Content-Length", value: "\(response.body.readableBytes)")
    head.headers.replaceOrAdd(name: "Connection", value: "close")
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
    end(after: context.writeAndFlush(wrapOutboundOut(.end(nil))), context)
  }

  private func answer(_ request: HTTPRequest, _ context: ChannelHandlerContext) {
    guard let respond else { return }
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
      case .success(.handover(let take)):
        // The decoder may be in the middle of what it has read.
        context.eventLoop.execute {
          let (handler, context) = bound.value
          handler.handOver(take, context)
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

  // MARK: Answers

  private func handOver(_ take: (any Channel) -> Void, _ context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    nobodyWaits()
    state = .ended
    take(context.channel)
  }

  private static func contains(_ option: String, _ headers: HTTPHeaders) -> Bool {
    headers[canonicalForm: "Connection"].contains { $0.lowercased() == option }
  }

  private func write(
    _ response: HTTPResponse, to request: HTTPRequestHead, _ context: ChannelHandlerContext
  ) {
    guard context.channel.isActive else { return }
    nobodyWaits()
    startDeadline(context, timeout)
    var head = HTTPResponseHead(
      version: request.version, status: response.status, headers: response.headers)
    head.headers.replaceOrAdd(name: "Content-Length", value: "\(response.body.readableBytes)")
    let isLast =
      !request.isKeepAlive || request.endsParsing || Self.contains("close", response.headers)
    if isLast, !Self.contains("close", head.headers) {
      head.headers.add(name: "Connection", value: "close")
    }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    let body = request.method == .HEAD ? ByteBuffer() : response.body
    let count = body.readableBytes
    unsentBytesChanged?(count)
    let sent = context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(body))))
    if isLast { state = .ended }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    sent.whenComplete { result in
      bound.value.0.unsentBytesChanged?(-count)
      guard case .success = result else { return }
      // The end of a response lets the next request in. Not before the socket has taken this one: who asks without reading would
      // have any number of answers wait here. And not at once: a thousand requests in one read would be a thousand calls deep.
      bound.value.1.eventLoop.execute {
        let (handler, context) = bound.value
        guard context.channel.isActive else { return }
        let done = context.writeAndFlush(handler.wrapOutboundOut(.end(nil)))
        if isLast { handler.end(after: done, context) }
      }
    }
  }

  /// Closes this side when `done`, and the other when the client has, or ``lingerTimeout`` later.
  private func end(after done: EventLoopFuture<Void>, _ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    done.whenSuccess {
      let (handler, context) = bound.value
      guard context.channel.isActive else { return }
      handler.startDeadline(context, Self.lingerTimeout)
      context.close(mode: .output, promise: nil)
    }
  }
}

extension HTTPRequestHead {
  /// Whether NIO's parser stops behind this request, since another protocol may follow.
  fileprivate var endsParsing: Bool {
    headers.contains(name: "Upgrade")
      && headers[canonicalForm: "Connection"].contains { $0.lowercased() == "upgrade" }
  }
}

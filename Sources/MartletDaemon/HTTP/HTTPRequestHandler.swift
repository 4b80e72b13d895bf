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

/// Answers whole HTTP/1.1 requests one after the other: as long as one has no answer, or the socket has not taken it, nothing is
/// read, and what came with it waits. Behind a request that breaks the rules, or is too large, nothing is looked at.
///
/// Stands right behind the decoder, and takes the place of NIO's handlers for pipelining and encoding. Confined to its channel's
/// event loop.
package final class HTTPRequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
  package typealias InboundIn = HTTPServerRequestPart
  package typealias OutboundIn = Never
  package typealias OutboundOut = ByteBuffer

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
    /// Can transition to: answering, ended.
    case receiving(HTTPRequest)
    /// A request has no answer, or it has not left. Can transition to: idle, ended.
    case answering
    /// The channel is no longer this handler's, or will be closed: what it brings is ignored.
    case ended
  }

  /// What the decoder has found.
  private enum Arrival {
    case part(HTTPServerRequestPart)
    case failure(HTTPParserError)
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
  /// What came with a request that is being answered, behind it.
  private var arrivals = CircularBuffer<Arrival>()
  /// The channel would read on, but has to wait for an answer.
  private var readIsHeld = false
  /// Between what is read and the end of that turn the decoder may be at work.
  private var isDecoding = false
  /// Takes the channel when nothing is being decoded.
  private var taker: ((any Channel) -> Void)?
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
    isDecoding = true
    arrived(.part(unwrapInboundIn(data)), context)
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if case .ended = state { return }
    guard let error = error as? HTTPParserError, context.channel.isActive else {
      return context.close(promise: nil)
    }
    arrived(.failure(error), context)
  }

  private func arrived(_ arrival: Arrival, _ context: ChannelHandlerContext) {
    if case .answering = state { arrivals.append(arrival) } else { take(arrival, context) }
  }

  private func take(_ arrival: Arrival, _ context: ChannelHandlerContext) {
    if case .ended = state { return }
    switch arrival {
    case .part(let part): take(part, context)
    case .failure(.headerOverflow):
      refuse(
        HTTPRequestRules.Violation(
          status: .requestHeaderFieldsTooLarge, code: "too_large",
          message: "the head of the request is too large"), context)
    case .failure: refuse(.malformed("this is no HTTP/1.1 request"), context)
    }
  }

  private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
    switch (part, state) {
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
      state = .answering
      answer(request, context)
    case (.body, _), (.end, _):
      break
    }
  }

  private var tooLarge: HTTPRequestRules.Violation {
    HTTPRequestRules.Violation(
      status: .payloadTooLarge, code: "too_large", message: "the body is above \(bodyLimit) bytes")
  }

  package func read(context: ChannelHandlerContext) {
    if case .answering = state { readIsHeld = true } else { context.read() }
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    isDecoding = false
    context.fireChannelReadComplete()
    if let taker { handOver(taker, context) }
  }

  /// Nothing behind such a request can be understood, or is worth it.
  private func refuse(_ violation: HTTPRequestRules.Violation, _ context: ChannelHandlerContext) {
    state = .ended
    let response = HTTPResponse.json(
      violation.status,
      #"{"error":{"code":"\#(violation.code)","message":\#(JSONText.quoted(violation.message))}}"#)
    startDeadline(context, timeout)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    send(response, closes: true, context).whenSuccess {
      let (handler, context) = bound.value
      handler.end(context)
    }
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
        if handler.isDecoding { handler.taker = take } else { handler.handOver(take, context) }
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
    taker = nil
    guard context.channel.isActive else { return }
    nobodyWaits()
    state = .ended
    take(context.channel)
  }

  private func write(
    _ response: HTTPResponse, to request: HTTPRequestHead, _ context: ChannelHandlerContext
  ) {
    guard context.channel.isActive else { return }
    nobodyWaits()
    startDeadline(context, timeout)
    let isLast =
      !request.isKeepAlive || request.endsParsing || response.headers.hasConnectionOption("close")
    let count = request.method == .HEAD ? 0 : response.body.readableBytes
    unsentBytesChanged?(count)
    let sent = send(response, to: request, closes: isLast, context)
    if isLast { state = .ended }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    sent.whenComplete { result in
      bound.value.0.unsentBytesChanged?(-count)
      guard case .success = result else { return }
      // The next request has its turn. Not before the socket has taken this answer: who asks without reading would have any number
      // of answers wait here. And not at once: a thousand requests in one read would be a thousand calls deep.
      bound.value.1.eventLoop.execute {
        let (handler, context) = bound.value
        handler.answered(context)
      }
    }
  }

  /// - Parameter request: nil: what came was none.
  /// - Returns: completes when the socket has taken it.
  private func send(
    _ response: HTTPResponse, to request: HTTPRequestHead? = nil, closes: Bool,
    _ context: ChannelHandlerContext
  ) -> EventLoopFuture<Void> {
    var headers = response.headers
    headers.replaceOrAdd(name: "Content-Length", value: "\(response.body.readableBytes)")
    if closes, !headers.hasConnectionOption("close") {
      headers.add(name: "Connection", value: "close")
    }
    var head = ByteBuffer()
    head.writeHTTP1Head(request?.version ?? .http1_1, response.status, headers)
    guard request?.method != .HEAD, response.body.readableBytes > 0 else {
      return context.writeAndFlush(wrapOutboundOut(head))
    }
    context.write(wrapOutboundOut(head), promise: nil)
    return context.writeAndFlush(wrapOutboundOut(response.body))
  }

  /// An answer has left.
  private func answered(_ context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    if case .ended = state {
      end(context)
    } else {
      state = .idle
    }
    while !isAnswering, let arrival = arrivals.popFirst() { take(arrival, context) }
    guard !isAnswering, readIsHeld else { return }
    readIsHeld = false
    context.read()
  }

  private var isAnswering: Bool {
    if case .answering = state { true } else { false }
  }

  /// Closes this side, and the other when the client has, or ``lingerTimeout`` later.
  private func end(_ context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    startDeadline(context, Self.lingerTimeout)
    context.close(mode: .output, promise: nil)
  }
}

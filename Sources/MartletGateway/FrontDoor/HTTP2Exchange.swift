internal import MartletDaemon
internal import MartletHTTP2
internal import NIOCore
internal import NIOHTTP1

/// A request on a stream of an HTTP/2 connection, until it is answered or has become a ``HTTP2ByteStream``.
/// Confined to its connection's event loop.
final class HTTP2Exchange: HTTP2StreamDelegate {
  private enum State {
    /// The body is coming. Can transition to: answering.
    case receiving(HTTPRequest)
    /// Can transition to: done.
    case answering
    case done
  }

  private let stream: HTTP2Stream
  private let door: FrontDoor
  private let allowance: PublishAllowance
  private let isConnect: Bool
  private let bodyLimit: Int
  private let gone: EventLoopPromise<Void>
  /// The answer has a head and no body (RFC 9110 §9.3.2).
  private let isHead: Bool
  private var state: State
  /// For the rest of the request.
  private var deadline: Scheduled<Void>?

  private init(
    _ stream: HTTP2Stream, _ head: HTTP2RequestHead, _ door: FrontDoor,
    _ allowance: PublishAllowance, bodyLimit: Int
  ) {
    self.stream = stream
    self.door = door
    self.allowance = allowance
    self.bodyLimit = bodyLimit
    isConnect = head.protocol == "websocket"
    isHead = head.method == .HEAD
    gone = door.hub.eventLoop.makePromise()
    state = .receiving(HTTPRequest(head: Self.head(head), body: ByteBuffer()))
  }

  /// Takes a new stream.
  static func accept(
    _ stream: HTTP2Stream, _ head: HTTP2RequestHead, _ door: FrontDoor,
    _ allowance: PublishAllowance, bodyLimit: Int
  ) -> (any HTTP2StreamDelegate)? {
    if head.method == .CONNECT, head.protocol != "websocket" {
      // RFC 8441 §4; there are no tunnels here (RFC 9110 §9.3.6).
      stream.respond(status: .notImplemented, endStream: true)
      return nil
    }
    do {
      try HTTPRequestRules.checkTarget(head.path, head.method)
    } catch {
      stream.respond(status: error.status, endStream: true)
      return nil
    }
    let exchange = HTTP2Exchange(stream, head, door, allowance, bodyLimit: bodyLimit)
    // A WebSocket's bytes are no body.
    if exchange.isConnect {
      door.hub.eventLoop.execute(exchange.boundAnswer())
    } else if !head.endStream {
      exchange.startDeadline(door.services.limits.handshakeTimeout)
    }
    return exchange
  }

  /// As over HTTP/1.1, a request has to be whole in time, however diligently its bytes drip.
  private func startDeadline(_ timeout: TimeAmount) {
    let stream = NIOLoopBound(stream, eventLoop: door.hub.eventLoop)
    deadline = door.hub.eventLoop.scheduleTask(in: timeout) { stream.value.reset(.cancel) }
  }

  private func boundAnswer() -> @Sendable () -> Void {
    let bound = NIOLoopBound(self, eventLoop: door.hub.eventLoop)
    return { bound.value.answer() }
  }

  /// As the rest of the gateway knows requests: an extended CONNECT is a GET that asks for a WebSocket.
  private static func head(_ head: HTTP2RequestHead) -> HTTPRequestHead {
    var headers = head.headers
    headers.replaceOrAdd(name: "host", value: head.authority)
    return HTTPRequestHead(
      version: .http2, method: head.method == .CONNECT ? .GET : head.method, uri: head.path,
      headers: headers)
  }

  // MARK: HTTP2StreamDelegate

  func received(_ bytes: ByteBuffer) {
    guard case .receiving(var request) = state, !isConnect else { return }
    guard request.body.readableBytes + bytes.readableBytes <= bodyLimit else {
      state = .done
      deadline?.cancel()
      return send(
        .json(
          .payloadTooLarge,
          #"{"error":{"code":"too_large","message":"the body is above \#(bodyLimit) bytes"}}"#))
    }
    // One owner at a time, or each part would copy those before it.
    state = .answering
    request.body.writeImmutableBuffer(bytes)
    state = .receiving(request)
  }

  func receivedEnd() {
    if !isConnect { answer() }
  }

  func closed(_ reason: HTTP2StreamClosure) {
    state = .done
    deadline?.cancel()
    gone.succeed()
  }

  private func answer() {
    guard case .receiving(let request) = state else { return }
    state = .answering
    deadline?.cancel()
    let bound = NIOLoopBound(self, eventLoop: door.hub.eventLoop)
    door.answer(
      ClientRequest(
        http: request, webSocket: isConnect ? .connect : nil, address: stream.remoteAddress,
        closed: gone.futureResult,
        allowance: NIOLoopBound(allowance, eventLoop: door.hub.eventLoop))
    ).hop(to: door.hub.eventLoop).whenComplete { bound.value.answered($0) }
  }

  private func answered(_ result: Result<ClientAnswer, any Error>) {
    guard case .answering = state else { return }
    state = .done
    switch result {
    case .success(.response(let response)): send(response)
    case .success(.stream(let opening)):
      stream.respond(status: opening.status, headers: opening.headers)
      let bytes = HTTP2ByteStream(stream, eventLoop: door.hub.eventLoop)
      stream.delegate = bytes
      gone.succeed()
      opening.begin.value(bytes)
    case .failure:
      send(
        .json(
          .internalServerError,
          #"{"error":{"code":"internal","message":"the request could not be answered"}}"#))
    }
  }

  private func send(_ response: HTTPResponse) {
    var headers = response.headers
    headers.replaceOrAdd(name: "content-length", value: "\(response.body.readableBytes)")
    stream.respond(status: response.status, headers: headers)
    if !isHead { stream.write(response.body) }
    stream.end(discardingInput: true)
  }
}

import DequeModule
import MartletTLS
import NIOCore
import NIOHTTP1

/// Requests of one client, one after another on a connection that is kept (RFC 9112 §9.3), and made again when a request finds it
/// closed. Confined to its event loop.
final class RequestQueue {
  struct Response {
    var status: Int
    var body: ByteBuffer
  }

  /// Gets the response, or why there is none. A request of which there is none may have been carried out.
  typealias Completion = (Result<Response, Failure>) -> Void

  struct Failure: Error {
    let end: ConnectionEnd
  }

  private struct Request {
    var head: HTTPRequestHead
    var body: ByteBuffer
    var completion: Completion
  }

  private let dial: Dial
  private let connector: Connector
  private var waiting: Deque<Request> = []
  private var current: Request?
  private var connection: RequestConnection?
  private var isReading = true
  private var isEnded = false

  init(_ dial: Dial, _ connector: Connector) {
    self.dial = dial
    self.connector = connector
  }

  func get(_ target: String, _ completion: @escaping Completion) {
    enqueue(
      Request(
        head: dial.requestHead(.GET, target), body: ByteBuffer(), completion: completion))
  }

  func post(_ target: String, _ body: ByteBuffer, _ completion: @escaping Completion) {
    let fields: HTTPHeaders = [
      "content-type": "application/json", "content-length": "\(body.readableBytes)",
    ]
    enqueue(
      Request(
        head: dial.requestHead(.POST, target, fields), body: body, completion: completion))
  }

  func setReading(_ isReading: Bool) {
    self.isReading = isReading
    connection?.setReading(isReading)
  }

  /// Closes the connection. No request completes any more.
  func end() {
    isEnded = true
    waiting = []
    current = nil
    connection?.close()
    connection = nil
  }

  private func enqueue(_ request: Request) {
    guard !isEnded else { return }
    waiting.append(request)
    proceed()
  }

  private func proceed() {
    guard current == nil, let next = waiting.popFirst() else { return }
    current = next
    if let connection, connection.isUsable {
      connection.send(next.head, next.body)
    } else {
      connect()
    }
  }

  private func connect() {
    let connection = RequestConnection(self, isPlain: !dial.server.isSecure)
    self.connection = connection
    connector.connect(dial, .http1) { channel in
      try channel.addHTTP1(connection)
    } failed: { reason in
      self.connectionEnded(connection, .connectFailed(reason))
    }
  }

  // MARK: Called by the connection

  fileprivate func connected(_ connection: RequestConnection) {
    guard connection === self.connection, let current else { return connection.close() }
    if !isReading { connection.setReading(false) }
    connection.send(current.head, current.body)
  }

  fileprivate func completed(_ response: Response, on connection: RequestConnection) {
    guard connection === self.connection, let done = current else { return }
    current = nil
    done.completion(.success(response))
    proceed()
  }

  fileprivate func connectionEnded(_ connection: RequestConnection, _ end: ConnectionEnd) {
    guard connection === self.connection else { return }
    self.connection = nil
    guard let failed = current else { return }
    current = nil
    failed.completion(.failure(Failure(end: end)))
    proceed()
  }
}

/// One connection of a ``RequestQueue``. Confined to its channel's event loop.
private final class RequestConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  /// Of a response's body, in bytes.
  private static let largestBody = 16 * 1024 * 1024

  private let isPlain: Bool
  private var queue: RequestQueue?
  private var context: ChannelHandlerContext?
  private var isConnected = false
  private var closesAfterResponse = false
  private var response: RequestQueue.Response?

  init(_ queue: RequestQueue, isPlain: Bool) {
    self.queue = queue
    self.isPlain = isPlain
  }

  /// Whether another request may be sent.
  var isUsable: Bool { isConnected && queue != nil && !closesAfterResponse }

  func send(_ head: HTTPRequestHead, _ body: ByteBuffer) {
    guard let context else { return }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if body.readableBytes > 0 {
      context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func setReading(_ isReading: Bool) {
    // Fails for a channel that is closed.
    try? context?.channel.syncOptions?.setOption(.autoRead, value: isReading)
  }

  func close() {
    queue = nil
    context?.channel.close(promise: nil)
  }

  // MARK: ChannelInboundHandler

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    if isPlain { connected() }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is TLSHandshakeCompleted { connected() }
    context.fireUserInboundEventTriggered(event)
  }

  private func connected() {
    isConnected = true
    queue?.connected(self)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      closesAfterResponse = !head.isKeepAlive
      response = RequestQueue.Response(status: Int(head.status.code), body: ByteBuffer())
    case .body(let bytes):
      guard var soFar = response.take() else { return }
      guard soFar.body.readableBytes + bytes.readableBytes <= Self.largestBody else {
        end(.violation("a response is larger than 16 MiB"))
        return context.close(promise: nil)
      }
      soFar.body.writeImmutableBuffer(bytes)
      response = soFar
    case .end:
      guard let response = response.take() else { return }
      let queue = queue
      if closesAfterResponse {
        self.queue = nil
        context.close(promise: nil)
      }
      queue?.completed(response, on: self)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    let reason = "the server closed the connection"
    end(isConnected ? .lost(reason) : .connectFailed(reason))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let reason = ConnectError.describe(error)
    switch error {
    case let error as HTTPParserError where error == .invalidEOFState:
      end(.lost("the response was cut off"))
    case is HTTPParserError: end(.violation("no response of HTTP/1.1: \(reason)"))
    default: end(isConnected ? .lost(reason) : .connectFailed(reason))
    }
    context.close(promise: nil)
  }

  private func end(_ end: ConnectionEnd) {
    let queue = queue
    self.queue = nil
    queue?.connectionEnded(self, end)
  }
}

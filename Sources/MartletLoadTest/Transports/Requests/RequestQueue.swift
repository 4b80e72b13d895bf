import DequeModule
import NIOCore
import NIOHTTP1

/// Requests of one client, one after another on a connection that is kept (RFC 9112 §9.3), and made again when a request finds it
/// closed. Confined to its event loop.
final class RequestQueue: HTTP1ConnectionOwner {
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
  private var connection: HTTP1Connection?
  /// What has come of the response to ``current``.
  private var response: Response?
  private var closesAfterResponse = false
  private var isReading = true
  private var isEnded = false

  /// Of a response's body, in bytes.
  private static let largestBody = 16 * 1024 * 1024

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
    if let connection, connection.isOpen {
      connection.send(next.head, next.body)
    } else {
      connect()
    }
  }

  private func connect() {
    connection = connector.connectHTTP1(dial, owner: self)
  }

  // MARK: HTTP1ConnectionOwner

  func connectionDidOpen(_ connection: HTTP1Connection) {
    guard let current else { return }
    if !isReading { connection.setReading(false) }
    connection.send(current.head, current.body)
  }

  func connectionDidReceive(_ part: HTTPClientResponsePart, _ connection: HTTP1Connection) {
    switch part {
    case .head(let head):
      closesAfterResponse = !head.isKeepAlive
      response = Response(status: Int(head.status.code), body: ByteBuffer())
    case .body(let bytes):
      guard var soFar = response.take() else { return }
      guard soFar.body.readableBytes + bytes.readableBytes <= Self.largestBody else {
        connection.close()
        return connectionDidEnd(.violation("a response is larger than 16 MiB"), connection)
      }
      soFar.body.writeImmutableBuffer(bytes)
      response = soFar
    case .end:
      guard let response = response.take(), let done = current else { return }
      current = nil
      if closesAfterResponse {
        connection.close()
        self.connection = nil
      }
      done.completion(.success(response))
      proceed()
    }
  }

  func connectionDidEnd(_ end: ConnectionEnd, _ connection: HTTP1Connection) {
    self.connection = nil
    response = nil
    guard let failed = current else { return }
    current = nil
    failed.completion(.failure(Failure(end: end)))
    proceed()
  }
}

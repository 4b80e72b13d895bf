import MartletHTTP2
import NIOCore
import NIOHTTP1

/// One request of a client on a shared HTTP/2 connection, and what becomes of it. Confined to its event loop.
final class HTTP2RequestStream: ClientByteStream, HTTP2ClientStreamDelegate {
  /// How often a request may be sent again that no server has looked at (RFC 9113 §8.7).
  private static let attempts = 3

  let dial: Dial
  let head: HTTP2RequestHead
  private let pool: HTTP2Pool
  private var owner: (any ResponseOwner)?
  private var connection: SharedConnection?
  /// Nil before the connection is ready.
  private var stream: HTTP2Stream?
  private var hasBegun = false
  private var isReading = true
  private var refusals = 0

  init(_ head: HTTP2RequestHead, _ dial: Dial, owner: any ResponseOwner, pool: HTTP2Pool) {
    self.head = head
    self.dial = dial
    self.owner = owner
    self.pool = pool
  }

  // MARK: Called by the connection

  func assigned(to connection: SharedConnection) {
    self.connection = connection
  }

  func begin(on handler: HTTP2ClientHandler) {
    let stream = handler.request(head, delegate: self)
    stream.setReading(isReading)
    self.stream = stream
  }

  /// The connection is full: another one is to take the stream.
  func moveOn() {
    connection = nil
    pool.place(self)
  }

  /// No server has looked at the request.
  func tryAgain() {
    connection = nil
    guard refusals < Self.attempts else { return fail(.lost("the server refuses streams")) }
    refusals += 1
    pool.place(self)
  }

  func fail(_ end: ConnectionEnd) {
    connection = nil
    let owner = owner
    self.owner = nil
    owner?.responseDidFail(end)
  }

  // MARK: ClientByteStream

  /// What is written in one turn leaves together at its end.
  func write(_ bytes: ByteBuffer) {
    stream?.write(bytes)
  }

  func flush() {}

  func setReading(_ reading: Reading) {
    isReading = reading != .paused
    stream?.setReading(isReading)
  }

  func read() {}

  func end() {
    stream?.end(discardingInput: true)
  }

  func abort() {
    owner = nil
    if let stream {
      stream.reset(.cancel)
    } else {
      connection?.drop(self)
      connection = nil
    }
  }

  // MARK: HTTP2ClientStreamDelegate

  func received(_ head: HTTP2ResponseHead) {
    guard head.status.code >= 200 else { return }
    hasBegun = true
    owner?.responseDidBegin(status: Int(head.status.code), head.headers)
  }

  func received(_ bytes: ByteBuffer) {
    owner?.responseDidReceive(bytes)
  }

  func receivedEnd() {
    owner?.responseDidEnd()
  }

  func closed(_ reason: HTTP2StreamClosure) {
    stream = nil
    let connection = connection
    self.connection = nil
    if reason == .refused, !hasBegun, owner != nil {
      connection?.refused()
      connection?.isOver(self)
      return tryAgain()
    }
    // Asked before the connection forgets it.
    let problem = connection?.problem
    connection?.isOver(self)
    fail(Self.end(reason, problem: problem))
  }

  private static func end(_ reason: HTTP2StreamClosure, problem: String?) -> ConnectionEnd {
    switch reason {
    case .finished: .lost("the server ended the stream")
    case .resetByPeer(let code): .lost("the server reset the stream (\(code))")
    case .resetHere(let code): .violation("the stream had to be reset (\(code))")
    case .stalled: .lost("the server does not take what is sent")
    case .refused: .lost("the server refuses streams")
    case .unsupported:
      .refused(
        .init(
          label: UpgradeHandshake.malformedLabel,
          message: "the server knows no WebSockets over HTTP/2 (RFC 8441)"))
    case .connectionClosed(let code?): .lost("the HTTP/2 connection ended (\(code))")
    case .connectionClosed(nil): .lost(problem ?? "the HTTP/2 connection was closed")
    }
  }
}

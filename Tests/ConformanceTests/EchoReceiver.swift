import MartletTestSupport
import MartletWebSocket
import NIOCore

/// What came from the server on one WebSocket.
struct EchoRecord: Sendable {
  var events: [WebSocketEvent] = []
  /// What the server did against the protocol.
  var violation: WebSocketViolation?
  /// Of frames, in bytes.
  var size = 0
  /// The server has ended the connection.
  var isEnded = false
  /// What went wrong with the connection under the frames.
  var failure: String?
}

/// Reads what the server sends until it ends the connection. Confined to its event loop.
final class EchoReceiver {
  struct Refused: Error {
    var status: Int
  }

  private(set) var record = EchoRecord()
  private(set) var parameters: PermessageDeflate.Parameters?
  private let offer: PermessageDeflate.Offer?
  private let opening: EventLoopPromise<Void>
  private var reader: WebSocketReader?
  private var waiters: [(isReady: (EchoRecord) -> Bool, promise: EventLoopPromise<EchoRecord>)] = []

  /// - Parameter offer: what the client likes best.
  init(_ offer: PermessageDeflate.Offer?, _ opening: EventLoopPromise<Void>) {
    self.offer = offer
    self.opening = opening
  }

  /// The server has answered the handshake.
  func opened(status: Int, extensions: String?) {
    guard status == 101 || status == 200 else { return opening.fail(Refused(status: status)) }
    do throws(PermessageDeflate.BadResponse) {
      parameters = try (offer ?? .init()).parameters(answeredBy: extensions)
      guard parameters == nil || offer != nil else {
        return opening.fail(NeverTrue(what: "the server answers only what was offered"))
      }
      reader = WebSocketReader(
        role: .client, limits: WebSocketLimits(frameSize: 1 << 25, messageSize: 1 << 25),
        deflate: parameters)
      opening.succeed()
    } catch {
      opening.fail(error)
    }
  }

  func received(_ bytes: ByteBuffer) {
    record.size += bytes.readableBytes
    reader?.append(bytes)
    do throws(WebSocketViolation) {
      while let event = try reader?.next() { record.events.append(event) }
    } catch {
      record.violation = error
    }
    wake()
  }

  func failed(_ failure: String) {
    record.failure = failure
  }

  func ended() {
    opening.fail(NeverTrue(what: "the handshake is answered"))
    record.isEnded = true
    wake()
  }

  func wait(
    _ eventLoop: any EventLoop, _ isReady: @escaping (EchoRecord) -> Bool
  ) -> EventLoopFuture<EchoRecord> {
    let promise = eventLoop.makePromise(of: EchoRecord.self)
    waiters.append((isReady, promise))
    wake()
    return promise.futureResult
  }

  private func wake() {
    for waiter in waiters where waiter.isReady(record) { waiter.promise.succeed(record) }
    waiters.removeAll { $0.isReady(record) }
  }

  /// Nobody waits for ever.
  func giveUp() {
    for waiter in waiters { waiter.promise.succeed(record) }
    waiters = []
  }
}

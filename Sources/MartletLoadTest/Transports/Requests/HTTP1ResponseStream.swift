import NIOCore
import NIOHTTP1

/// One request on a connection of its own, of which the response has no end. Confined to its channel's event loop.
final class HTTP1ResponseStream: ClientStream, HTTP1ConnectionOwner {
  private let head: HTTPRequestHead
  private var owner: (any ResponseOwner)?
  private var connection: HTTP1Connection?

  init(_ head: HTTPRequestHead, owner: any ResponseOwner) {
    self.head = head
    self.owner = owner
  }

  /// Sends the request when there is a connection.
  func start(_ dial: Dial, _ connector: Connector) {
    connection = connector.connectHTTP1(dial, owner: self)
  }

  // MARK: ClientStream

  func setReading(_ reading: Reading) {
    connection?.setReading(reading != .paused)
  }

  func read() {}

  func abort() {
    owner = nil
    connection?.close()
    connection = nil
  }

  // MARK: HTTP1ConnectionOwner

  func connectionDidOpen(_ connection: HTTP1Connection) {
    connection.send(head)
  }

  func connectionDidReceive(_ part: HTTPClientResponsePart, _ connection: HTTP1Connection) {
    switch part {
    case .head(let head):
      owner?.responseDidBegin(status: Int(head.status.code), head.headers)
    case .body(let bytes): owner?.responseDidReceive(bytes)
    case .end: owner?.responseDidEnd()
    }
  }

  func connectionDidEnd(_ end: ConnectionEnd, _ connection: HTTP1Connection) {
    self.connection = nil
    let owner = owner
    self.owner = nil
    owner?.responseDidFail(end)
  }
}

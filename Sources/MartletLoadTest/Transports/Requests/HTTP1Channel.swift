import NIOCore
import NIOHTTP1

extension Connector {
  /// Connects; `owner` may hear of it before this has returned.
  func connectHTTP1(_ dial: Dial, owner: any HTTP1ConnectionOwner) -> HTTP1Connection {
    let connection = HTTP1Connection(isPlain: !dial.server.isSecure, owner: owner)
    connect(dial, .http1) { channel in
      let pipeline = channel.pipeline.syncOperations
      try pipeline.addHandlers(
        HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder()), connection)
    } failed: { reason in
      connection.connectFailed(reason)
    }
    return connection
  }
}

extension Dial {
  /// The head of a request over HTTP/1.1.
  func requestHead(
    _ method: HTTPMethod, _ target: String, _ fields: HTTPHeaders = [:]
  ) -> HTTPRequestHead {
    var all = HTTPHeaders([("host", server.authority)])
    all.add(contentsOf: self.fields)
    all.add(contentsOf: fields)
    return HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: all)
  }
}

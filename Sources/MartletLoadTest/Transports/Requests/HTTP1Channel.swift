import NIOCore
import NIOHTTP1

extension Channel {
  /// Adds the client's side of HTTP/1.1 in front of `handler`, which speaks in parts of messages.
  func addHTTP1(_ handler: any ChannelHandler) throws {
    let pipeline = pipeline.syncOperations
    try pipeline.addHandlers(
      HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder()), handler)
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

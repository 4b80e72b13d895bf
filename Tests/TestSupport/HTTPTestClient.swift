internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// One HTTP request per connection.
package enum HTTPTestClient {
  /// What the server answered.
  package struct Response: Sendable {
    package var status: Int
    package var headers: [String: String]
    package var body: String

    /// The body as JSON.
    package func json() throws -> JSONObject { try JSONObject(body) }
  }

  package static func request(
    _ method: String = "GET", port: Int, _ target: String,
    headers: [(name: String, value: String)] = [], body: String = ""
  ) async throws -> Response {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let promise = loop.makePromise(of: Response.self)
    let channel: any Channel
    do {
      channel = try await ClientBootstrap(group: loop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(ResponseCollector(promise))
          }
        }
        .connect(host: "127.0.0.1", port: port).get()
    } catch {
      promise.fail(error)
      throw error
    }
    var head = HTTPRequestHead(
      version: .http1_1, method: HTTPMethod(rawValue: method), uri: target)
    head.headers.add(name: "Host", value: "127.0.0.1")
    head.headers.add(contentsOf: headers.map { ($0.name, $0.value) })
    if !head.headers.contains(name: "Content-Length") {
      head.headers.add(name: "Content-Length", value: "\(body.utf8.count)")
    }
    channel.write(HTTPClientRequestPart.head(head), promise: nil)
    channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    let response = try await promise.futureResult.get()
    try? await channel.close().get()
    return response
  }
}

private final class ResponseCollector: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private struct Incomplete: Error {}

  private let promise: EventLoopPromise<HTTPTestClient.Response>
  private var response = HTTPTestClient.Response(status: 0, headers: [:], body: "")

  init(_ promise: EventLoopPromise<HTTPTestClient.Response>) {
    self.promise = promise
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      response.status = Int(head.status.code)
      for header in head.headers { response.headers[header.name.lowercased()] = header.value }
    case .body(let body):
      response.body += String(buffer: body)
    case .end:
      promise.succeed(response)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.fail(Incomplete())
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error)
    context.close(promise: nil)
  }
}

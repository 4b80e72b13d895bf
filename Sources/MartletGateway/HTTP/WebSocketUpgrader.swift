internal import Foundation
internal import MartletDaemon
internal import MartletTLS
internal import NIOCore
internal import NIOHTTP1

/// The server's half of the opening handshake (RFC 6455 §4.2), and nothing that a connection would
/// have to carry on with.
final class WebSocketUpgrader: HTTPServerProtocolUpgrader, Sendable {
  /// Concatenated to the client's key (RFC 6455 §1.3).
  private static let keySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  let supportedProtocol = "websocket"
  /// NIO would want them listed in `Connection`, which clients do not do; they are checked here.
  let requiredUpgradeHeaders: [String] = []
  private let accept: @Sendable (HTTPRequestHead) -> HTTPHeaders?
  private let admit: @Sendable (any Channel, HTTPRequestHead) -> EventLoopFuture<Void>

  /// - Parameters:
  ///   - accept: the headers of the response, or nil to treat the request as plain HTTP.
  ///   - admit: adds the handlers; what the client sends waits until it completes.
  init(
    accept: @escaping @Sendable (HTTPRequestHead) -> HTTPHeaders?,
    admit: @escaping @Sendable (any Channel, HTTPRequestHead) -> EventLoopFuture<Void>
  ) {
    self.accept = accept
    self.admit = admit
  }

  /// Whether the request has what RFC 6455 §4.2.1 demands besides `Upgrade` and `Connection`.
  static func isComplete(_ head: HTTPRequestHead) -> Bool {
    head.method == .GET && head.version == .http1_1
      && head.headers.first(name: "Sec-WebSocket-Version") == "13" && key(head) != nil
  }

  func buildUpgradeResponse(
    channel: any Channel, upgradeRequest: HTTPRequestHead, initialResponseHeaders: HTTPHeaders
  ) -> EventLoopFuture<HTTPHeaders> {
    guard Self.isComplete(upgradeRequest), let key = Self.key(upgradeRequest),
      let additional = accept(upgradeRequest)
    else { return channel.eventLoop.makeFailedFuture(UpgradeRefused()) }
    var headers = initialResponseHeaders
    headers.add(
      name: "Sec-WebSocket-Accept",
      value: Data(OpenSSL.sha1(Array((key + Self.keySuffix).utf8))).base64EncodedString())
    headers.add(contentsOf: additional)
    return channel.eventLoop.makeSucceededFuture(headers)
  }

  func upgrade(
    context: ChannelHandlerContext, upgradeRequest: HTTPRequestHead
  ) -> EventLoopFuture<Void> {
    admit(context.channel, upgradeRequest)
  }

  /// The client's key: 16 bytes in base64.
  private static func key(_ head: HTTPRequestHead) -> String? {
    let keys = head.headers["Sec-WebSocket-Key"]
    guard keys.count == 1, Data(base64Encoded: keys[0])?.count == 16 else { return nil }
    return keys[0]
  }
}

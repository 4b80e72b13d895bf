import NIOCore
import NIOEmbedded

@testable import MartletHTTP2

/// A client's and a server's handler, connected without sockets on one loop.
final class EmbeddedPair {
  let loop = EmbeddedEventLoop()
  let server: EmbeddedServer
  let clientChannel: EmbeddedChannel
  let client: HTTP2ClientHandler
  private(set) var goAways: [HTTP2ErrorCode] = []

  init(
    server serverConfiguration: HTTP2Configuration = HTTP2Configuration(),
    client clientConfiguration: HTTP2Configuration = HTTP2Configuration()
  ) throws {
    server = try EmbeddedServer(serverConfiguration, loop: loop, sendsPreface: false)
    var goAway: (HTTP2ErrorCode) -> Void = { _ in }
    client = HTTP2ClientHandler(configuration: clientConfiguration) { code, _ in goAway(code) }
    clientChannel = EmbeddedChannel(handler: client, loop: loop)
    goAway = { [unowned self] in goAways.append($0) }
    try clientChannel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  func request(_ head: HTTP2RequestHead) -> (HTTP2Stream, StreamRecorder) {
    let recorder = StreamRecorder()
    return (client.request(head, delegate: recorder), recorder)
  }

  /// Carries bytes between the two until neither has any.
  func exchange() throws {
    var isMoving = true
    while isMoving {
      isMoving = false
      loop.run()
      while let bytes = try clientChannel.readOutbound(as: ByteBuffer.self) {
        isMoving = true
        try server.send(bytes: bytes)
      }
      while let bytes = try server.channel.readOutbound(as: ByteBuffer.self) {
        isMoving = true
        try clientChannel.writeInbound(bytes)
      }
    }
  }
}

import MartletConfiguration
import MartletCore
import MartletProtocol
import MartletTestSupport
import MartletWebSocket
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletGateway

/// A WebSocket on a stream that keeps what it is told.
@Suite struct WebSocketConnectionTests {
  private final class RecordingStream: ByteStream {
    var delegate: (any ByteStreamDelegate)?
    let loop = EmbeddedEventLoop()
    var sent = ByteBuffer()
    var isOutputEnded = false
    var isEnded = false

    var eventLoop: any EventLoop { loop }
    var remoteAddress: SocketAddress? { nil }
    var pendingBytes: Int { 0 }
    var ownPendingBytes: Int { 0 }

    func write(_ bytes: ByteBuffer) { sent.writeImmutableBuffer(bytes) }
    func setReading(_ isReading: Bool) {}
    func endOutput() { isOutputEnded = true }
    func end() { isEnded = true }
    func abort() { isEnded = true }
  }

  private final class ClosingOwner: TransportOwner {
    var transport: WebSocketConnection?

    let kind = TransportKind.webSocket
    let unsentBytes = 0

    func heard() {}
    func received(_ message: ByteBuffer) {}
    func receivedBinary(_ message: ByteBuffer) {}
    func refuse(_ refused: RefusedFrame) {}
    func close(_ reason: CloseReason) { transport?.close(reason) }
    func transportClosed() {}
    func sweep(now: NIODeadline, wallClock: Int64) {}
    func drain(reconnectAfter: Int64) {}
    func abort() {}
  }

  private let stream = RecordingStream()
  private let owner = ClosingOwner()
  private let connection: WebSocketConnection

  init() {
    connection = WebSocketConnection(
      stream, .webSocket, limits: GatewayLimits(Configuration()), compression: nil)
    stream.delegate = connection
    owner.transport = connection
    connection.attach(owner)
  }

  private func receive(_ frames: RawFrame...) {
    connection.received(ByteBuffer(bytes: frames.wire(from: .client)))
  }

  @Test func `RFC 6455 §7.1.7 The server says why, and ends the connection without waiting`() {
    receive(RawFrame(opcode: 3, payload: []))
    #expect(
      stream.sent == WebSocketFraming.close(code: 1002, reason: CloseReason.protocolError.label))
    #expect(stream.isOutputEnded && !stream.isEnded)
    receive(.close(1002), .ping())
    #expect(stream.sent.readableBytes < 125, "what follows is not read")
    stream.loop.advanceTime(by: .seconds(2))
    #expect(stream.isEnded, "nor is it waited for for ever")
    owner.transport = nil
  }

  @Test func `RFC 6455 §7.1.1 A connection that the server closes waits for the client`() {
    owner.close(.draining)
    #expect(!stream.isOutputEnded && !stream.isEnded)
    receive(.close(1012))
    #expect(stream.isEnded)
    owner.transport = nil
  }

  @Test func `RFC 7692 §7.2.1 With context takeover a message sent back is compressed once`() throws
  {
    var configuration = Configuration().compression
    configuration.floor = 0
    configuration.hasContextTakeover = true
    let settings = try #require(CompressionSettings(configuration))
    let parameters = PermessageDeflate.Parameters()
    let stream = RecordingStream()
    let connection = WebSocketConnection(
      stream, .webSocket, limits: GatewayLimits(Configuration()),
      compression: MessageCompression(parameters, settings, CompressorPool()))
    connection.attach(ClosingOwner())
    connection.send(message: ByteBuffer(string: "again"), .text)
    connection.send(WebSocketFraming.text("and"))
    connection.send(message: ByteBuffer(string: "again"), .binary)
    var reader = WebSocketReader(
      role: .client, limits: WebSocketLimits(frameSize: 100, messageSize: 100), deflate: parameters)
    reader.append(stream.sent)
    for expected: WebSocketEvent in [.text("again"), .text("and"), .binary(Array("again".utf8))] {
      #expect(try reader.next() == expected)
    }
  }

  @Test func `Nobody is waited for who answers with nonsense`() {
    owner.close(.draining)
    receive(RawFrame(opcode: 3, payload: []))
    #expect(stream.isOutputEnded)
    owner.transport = nil
  }
}

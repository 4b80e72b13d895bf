import MartletTestSupport
import MartletWebSocket
import NIOCore
import Testing

/// RFC 7692 §7.2.1: compressed messages, as they leave.
@Suite struct DeflateCompressorTests {
  private typealias Settings = DeflateCompressor.Settings

  private static let repetitive = ByteBuffer(
    string: String(repeating: "{\"type\":\"chat_message\",\"message\":\"Hello\"}", count: 20))

  private func payload(_ compressor: DeflateCompressor, _ message: ByteBuffer) -> [UInt8] {
    var output = ByteBuffer()
    compressor.compress(message, into: &output)
    return Array(output.readableBytesView)
  }

  @Test("§7.2.1: the flush's last four bytes are not sent")
  func tail() {
    let compressor = DeflateCompressor(Settings(), keepsContext: true)
    let bytes = payload(compressor, ByteBuffer(string: "Hello"))
    #expect(bytes == [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
  }

  @Test("§7.2.3.2: with context a message refers to those before")
  func context() {
    let compressor = DeflateCompressor(Settings(), keepsContext: true)
    let first = payload(compressor, ByteBuffer(string: "Hello"))
    let second = payload(compressor, ByteBuffer(string: "Hello"))
    #expect(second == [0xF2, 0x00, 0x11, 0x00, 0x00])
    #expect(first != second)
  }

  @Test("§7.1.1: without context every message stands alone")
  func noContext() {
    let compressor = DeflateCompressor(Settings(), keepsContext: false)
    let first = payload(compressor, Self.repetitive)
    #expect(first.count < Self.repetitive.readableBytes / 5)
    #expect(payload(compressor, Self.repetitive) == first)
    compressor.release()
    #expect(payload(compressor, Self.repetitive) == first)
    #expect(
      DeflateCompressor.frame(.text, Self.repetitive, Settings())
        == compressor.frame(.text, Self.repetitive))
  }

  @Test("a compressor that has given its memory back begins anew")
  func release() {
    let compressor = DeflateCompressor(Settings(), keepsContext: true)
    let first = payload(compressor, ByteBuffer(string: "Hello"))
    compressor.release()
    #expect(payload(compressor, ByteBuffer(string: "Hello")) == first)
  }

  @Test("§7.2.3.6: an empty message is one empty block, every time")
  func empty() {
    for keepsContext in [true, false] {
      let compressor = DeflateCompressor(Settings(), keepsContext: keepsContext)
      #expect(payload(compressor, ByteBuffer()) == [0x00])
      _ = payload(compressor, ByteBuffer(string: "Hello"))
      #expect(payload(compressor, ByteBuffer()) == [0x00])
      #expect(payload(compressor, ByteBuffer()) == [0x00])
    }
  }

  @Test(
    "messages of all sizes come back, with all settings", arguments: WebSocketRole.both,
    [
      Settings(), Settings(level: 0), Settings(level: 1, windowBits: 9, memoryLevel: 1),
      Settings(level: 9, windowBits: 12, memoryLevel: 9),
    ])
  func settings(sender: WebSocketRole, settings: DeflateCompressor.Settings) {
    let maskKey: UInt32? = sender == .client ? 0x0102_0304 : nil
    for keepsContext in [true, false] {
      let compressor = DeflateCompressor(settings, keepsContext: keepsContext)
      let parameters = PermessageDeflate.Parameters(
        serverNoContextTakeover: !keepsContext, clientNoContextTakeover: !keepsContext,
        serverMaxWindowBits: settings.windowBits, clientMaxWindowBits: settings.windowBits)
      var wire: [UInt8] = []
      var events: [WebSocketEvent] = []
      for count in [0, 1, 2, 60, 125, 126, 1000, 65535, 65536, 200_000, 0, 5] {
        // Partly compressible.
        let message = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
        events.append(.binary(message))
        wire +=
          compressor.frame(.binary, ByteBuffer(bytes: message), maskKey: maskKey)
          .readableBytesView
      }
      let reception = Reception(
        wire: wire, sender.peer, part: 5000, deflate: parameters)
      #expect(reception == Reception(events: events))
    }
  }
}

import MartletTestSupport
import MartletWebSocket
import NIOCore
import Testing

/// RFC 6455 §5.2 to §5.7 for what is sent.
@Suite struct FramingTests {
  private func bytes(_ frame: ByteBuffer) -> [UInt8] { Array(frame.readableBytesView) }

  @Test("§5.7: the examples of the RFC are written")
  func examples() {
    #expect(bytes(WebSocketFraming.text("Hello")) == [0x81, 0x05] + Array("Hello".utf8))
    let hello = ByteBuffer(string: "Hello")
    #expect(
      bytes(WebSocketFraming.frame(.text, payload: hello, maskKey: 0x37FA_213D)) == [
        0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
      ])
    #expect(
      bytes(
        WebSocketFraming.frame(.text, payload: ByteBuffer(string: "Hel"), isFinal: false))
        == [0x01, 0x03] + Array("Hel".utf8))
    #expect(
      bytes(WebSocketFraming.frame(.continuation, payload: ByteBuffer(string: "lo")))
        == [0x80, 0x02] + Array("lo".utf8))
    #expect(
      bytes(WebSocketFraming.frame(.pong, payload: hello, maskKey: 0x37FA_213D)) == [
        0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
      ])
  }

  @Test(
    "§5.2: lengths have their shortest form", arguments: WebSocketRole.both,
    [0, 1, 125, 126, 65535, 65536])
  func lengths(sender: WebSocketRole, length: Int) {
    let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
    let key = RawFrame.key.reduce(0) { $0 << 8 | UInt32($1) }
    let frame = WebSocketFraming.frame(
      .binary, payload: ByteBuffer(bytes: payload), maskKey: sender == .client ? key : nil)
    #expect(bytes(frame) == RawFrame.binary(payload).wire(from: sender))
  }

  @Test("RFC 7692 §6: the first frame of a compressed message has RSV1")
  func compressed() {
    let frame = WebSocketFraming.frame(.text, payload: ByteBuffer(), isCompressed: true)
    #expect(bytes(frame) == [0xC1, 0x00])
  }

  @Test("§5.5.1: close frames with a code and without")
  func close() {
    #expect(bytes(WebSocketFraming.close(code: nil)) == [0x88, 0x00])
    #expect(
      bytes(WebSocketFraming.close(code: 1001, reason: "bye"))
        == [0x88, 0x05, 0x03, 0xE9] + Array("bye".utf8))
  }

  @Test("§5.5: a long reason is cut at the end of a character", arguments: 0...3)
  func longReason(prefix: Int) {
    let reason = String(repeating: "x", count: prefix) + String(repeating: "😀", count: 40)
    let frame = WebSocketFraming.close(code: 1000, reason: reason)
    let whole = 120 + prefix
    let reception = Reception(wire: bytes(frame), .client)
    guard case .close(code: 1000, let cut)? = reception.events.first else {
      Issue.record("\(reception)")
      return
    }
    #expect(reason.hasPrefix(cut))
    #expect(cut.utf8.count == min(whole, 123))
  }
}

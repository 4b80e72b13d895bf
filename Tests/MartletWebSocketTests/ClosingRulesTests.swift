import MartletTestSupport
import MartletWebSocket
import NIOCore
import Testing

/// RFC 6455 §5.5.1 and §7: close frames, and what comes after them.
@Suite struct ClosingRulesTests {
  @Test("§5.5.1: a close frame may be empty", arguments: WebSocketRole.both)
  func empty(role: WebSocketRole) {
    #expect(Reception([.close()], role) == Reception(events: [.close(code: nil, reason: "")]))
  }

  @Test(
    "§5.5.1: a close frame brings code and reason", arguments: WebSocketRole.both, [Int.max, 1])
  func codeAndReason(role: WebSocketRole, part: Int) {
    let frames: [RawFrame] = [.close(1001, Array("grüße".utf8))]
    let expected = Reception(events: [.close(code: 1001, reason: "grüße")])
    #expect(Reception(frames, role, part: part) == expected)
  }

  @Test("§5.5.1: the reason has up to 123 bytes", arguments: WebSocketRole.both)
  func longReason(role: WebSocketRole) {
    let reason = String(repeating: "r", count: 123)
    #expect(
      Reception([.close(1000, Array(reason.utf8))], role)
        == Reception(events: [.close(code: 1000, reason: reason)]))
  }

  @Test("§5.5.1: a payload of one byte is no code", arguments: WebSocketRole.both)
  func oneByte(role: WebSocketRole) {
    #expect(Reception([.close([3])], role) == Reception(violation: .closePayloadOfOneByte))
  }

  @Test("§5.5.1: the reason is UTF-8", arguments: WebSocketRole.both)
  func badReason(role: WebSocketRole) {
    for reason: [UInt8] in [[0xFF], [0xC3], [0xED, 0xA0, 0x80]] {
      let reception = Reception([.close(1000, reason)], role)
      #expect(reception == Reception(violation: .closeReasonNotUTF8))
      #expect(reception.violation?.closeCode == 1007)
    }
  }

  @Test(
    "§7.4: codes that may come in a close frame", arguments: WebSocketRole.both,
    [
      1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000,
      4999,
    ] as [UInt16])
  func goodCodes(role: WebSocketRole, code: UInt16) {
    #expect(Reception([.close(code)], role) == Reception(events: [.close(code: code, reason: "")]))
  }

  @Test(
    "§7.4: codes that may not", arguments: WebSocketRole.both,
    [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] as [UInt16])
  func badCodes(role: WebSocketRole, code: UInt16) {
    let reception = Reception([.close(code)], role)
    #expect(reception == Reception(violation: .closeCode(code)))
    #expect(reception.violation?.closeCode == 1002)
  }

  @Test(
    "§1.4: what comes after a close frame is ignored, right or wrong",
    arguments: WebSocketRole.both, [Int.max, 1])
  func afterClose(role: WebSocketRole, part: Int) {
    let close = RawFrame.close(1000)
    let expected = Reception(events: [.close(code: 1000, reason: "")])
    for later: [RawFrame] in [
      [.text("x")], [.ping()], [.close(1001)], [.text("x", reserved: 7)], [.more("")],
    ] {
      #expect(Reception([close] + later, role, part: part) == expected)
    }
  }

  @Test(
    "§5.4, §5.5.1: a close frame between fragments ends the message, too",
    arguments: WebSocketRole.both)
  func closeBetweenFragments(role: WebSocketRole) {
    let frames: [RawFrame] = [.text("a", isFinal: false), .close(1000), .more("b")]
    #expect(Reception(frames, role) == Reception(events: [.close(code: 1000, reason: "")]))
  }

  @Test(
    "§7.1.7: after a violation nothing is read, and nothing held", arguments: WebSocketRole.both)
  func afterViolation(role: WebSocketRole) throws {
    var reader = WebSocketReader(role: role, limits: .generous)
    let frames: [RawFrame] = [.text("a", isFinal: false), .text("b"), .text("c")]
    reader.append(ByteBuffer(bytes: frames.wire(from: role.peer)))
    #expect(throws: WebSocketViolation.interruptedMessage) { try reader.next() }
    #expect(try reader.next() == nil)
    reader.append(ByteBuffer(bytes: RawFrame.text("d").wire(from: role.peer)))
    #expect(try reader.next() == nil)
    let (isEnded, heldBytes) = (reader.isEnded, reader.heldBytes)
    #expect(isEnded)
    #expect(heldBytes == 0)
  }

  @Test("§7.4.1: a violation says what to close with")
  func closeCodes() {
    #expect(WebSocketViolation.reservedBits.closeCode == 1002)
    #expect(WebSocketViolation.textNotUTF8.closeCode == 1007)
    #expect(WebSocketViolation.badCompression.closeCode == 1007)
    #expect(WebSocketViolation.frameTooLarge(limit: 1).closeCode == 1009)
    #expect(WebSocketViolation.messageTooLarge(limit: 1).closeCode == 1009)
  }
}

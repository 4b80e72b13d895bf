import MartletTestSupport
import MartletWebSocket
import NIOCore
import Testing

/// RFC 6455 §5.1 to §5.5: what a receiver demands of frames. The cases run for both roles, with the bytes in
/// one piece and one by one.
@Suite struct FramingRulesTests {
  private static let hello = "Hello, world"

  // MARK: §5.1 Masking

  @Test("§5.1: a server refuses a frame that is not masked")
  func unmasked() {
    let wire = RawFrame.text(Self.hello).wire(from: .server)
    #expect(Reception(wire: wire, .server) == Reception(violation: .unmaskedFrame))
  }

  @Test("§5.1: a client refuses a masked frame")
  func masked() {
    let wire = RawFrame.text(Self.hello).wire(from: .client)
    #expect(Reception(wire: wire, .client) == Reception(violation: .maskedFrame))
  }

  @Test("§5.1: a control frame is masked like any other", arguments: [RawFrame.ping(), .close()])
  func unmaskedControl(frame: RawFrame) {
    let wire = frame.wire(from: .server)
    #expect(Reception(wire: wire, .server) == Reception(violation: .unmaskedFrame))
  }

  // MARK: §5.2 Base framing protocol

  @Test(
    "§5.2: reserved bits fail the connection without an extension", arguments: WebSocketRole.both,
    1...7 as ClosedRange<UInt8>)
  func reservedBits(role: WebSocketRole, reserved: UInt8) {
    for opcode: UInt8 in [0, 1, 2, 8, 9, 10] {
      let frame = RawFrame(opcode: opcode, payload: [], reserved: reserved)
      #expect(Reception([frame], role) == Reception(violation: .reservedBits))
    }
  }

  @Test(
    "§5.2: unknown opcodes fail the connection", arguments: WebSocketRole.both,
    [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8])
  func unknownOpcodes(role: WebSocketRole, opcode: UInt8) {
    let frame = RawFrame(opcode: opcode, payload: [1, 2, 3])
    #expect(Reception([frame], role) == Reception(violation: .unknownOpcode(opcode)))
  }

  @Test(
    "§5.2: lengths are read in all three forms", arguments: WebSocketRole.both,
    [0, 1, 125, 126, 127, 65535, 65536, 70000])
  func lengths(role: WebSocketRole, length: Int) {
    let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let frames = [RawFrame.binary(payload), .binary([1])]
    let expected = Reception(events: [.binary(payload), .binary([1])])
    for part in [Int.max, 1000, 7] {
      #expect(Reception(frames, role, part: part) == expected)
    }
  }

  @Test(
    "§5.2: a length that is not in its shortest form fails the connection",
    arguments: WebSocketRole.both,
    [
      (0, RawFrame.LengthForm.bits16), (125, .bits16), (0, .bits64), (125, .bits64),
      (126, .bits64), (65535, .bits64),
    ])
  func longLengths(role: WebSocketRole, length: (count: Int, form: RawFrame.LengthForm)) {
    var frame = RawFrame.binary([UInt8](repeating: 0, count: length.count))
    frame.form = length.form
    #expect(Reception([frame], role) == Reception(violation: .longLengthForm))
  }

  @Test("§5.2: the first bit of a 64-bit length is 0", arguments: WebSocketRole.both)
  func negativeLength(role: WebSocketRole) {
    for length: UInt64 in [1 << 63, .max] {
      let frame = RawFrame(opcode: 2, payload: [], form: .bits64, claimedLength: length)
      let limits = WebSocketLimits(frameSize: .max, messageSize: .max)
      #expect(Reception([frame], role, limits: limits) == Reception(violation: .negativeLength))
    }
  }

  @Test("§5.2: a bad header is refused as soon as it shows", arguments: WebSocketRole.both)
  func headerInParts(role: WebSocketRole) {
    var frame = RawFrame(opcode: 3, payload: [UInt8](repeating: 0, count: 70000))
    frame.reserved = 0
    let wire = frame.wire(from: role.peer)
    #expect(
      Reception(wire: Array(wire.prefix(2)), role) == Reception(violation: .unknownOpcode(3)))
  }

  // MARK: §5.3 Client-to-server masking

  @Test("§5.3: a payload is unmasked, however long and however cut", arguments: 0...70)
  func unmasking(length: Int) {
    let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
    let wire = [RawFrame.binary(payload), .binary(payload)].wire(from: .client)
    let expected = Reception(events: [.binary(payload), .binary(payload)])
    for part in [Int.max, 1, 3, 8, 13] {
      #expect(Reception(wire: wire, .server, part: part) == expected)
    }
  }

  @Test("§5.3: bytes that somebody else holds are unmasked in a copy")
  func sharedBytes() throws {
    let wire = RawFrame.text(Self.hello).wire(from: .client)
    let held = ByteBuffer(bytes: wire)
    var reader = WebSocketReader(role: .server, limits: .generous)
    reader.append(held)
    #expect(try reader.next() == .text(Self.hello))
    #expect(held == ByteBuffer(bytes: wire))
  }

  @Test("§5.3: bytes that nobody else holds are unmasked where they lie")
  func uniqueBytes() throws {
    let bytes = ByteBuffer(bytes: RawFrame.text(Self.hello).wire(from: .client))
    let start = Self.address(of: bytes)
    var reader = WebSocketReader(role: .server, limits: .generous)
    reader.append(consume bytes)
    guard case .text(let text)? = try reader.next() else {
      Issue.record("no text")
      return
    }
    #expect(Self.address(of: text) == start + 6)
  }

  private static func address(of bytes: ByteBuffer) -> UInt {
    unsafe bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
  }

  @Test("§5.3: events that are kept do not change when later frames are unmasked")
  func keptEvents() {
    let frames = (0..<50).map { RawFrame.text("message \($0)") }
    #expect(Reception(frames, .server).events == (0..<50).map { .text("message \($0)") })
  }

  // MARK: §5.4 Fragmentation

  @Test("§5.4: fragments make one message", arguments: WebSocketRole.both, [Int.max, 1, 5])
  func fragments(role: WebSocketRole, part: Int) {
    let frames: [RawFrame] = [
      .text("Hel", isFinal: false), .more("", isFinal: false), .more("lo", isFinal: false),
      .more("!"), .binary([1], isFinal: false), .more([2]),
    ]
    let expected = Reception(events: [.text("Hello!"), .binary([1, 2])])
    #expect(Reception(frames, role, part: part) == expected)
  }

  @Test(
    "§5.4: control frames come between fragments, in order", arguments: WebSocketRole.both,
    [Int.max, 1, 5])
  func controlBetweenFragments(role: WebSocketRole, part: Int) {
    let frames: [RawFrame] = [
      .text("Hel", isFinal: false), .ping("a"), .pong("b"), .more("lo", isFinal: false),
      .ping(), .more(""),
    ]
    let expected = Reception(events: [.ping("a"), .pong("b"), .ping(""), .text("Hello")])
    #expect(Reception(frames, role, part: part) == expected)
  }

  @Test(
    "§5.4: a ping is told before the message around it is complete", arguments: WebSocketRole.both)
  func pingAtOnce(role: WebSocketRole) {
    let frames: [RawFrame] = [.text("Hel", isFinal: false), .ping("now")]
    #expect(Reception(frames, role) == Reception(events: [.ping("now")]))
  }

  @Test("§5.4: a continuation needs a message", arguments: WebSocketRole.both, [true, false])
  func continuationOfNothing(role: WebSocketRole, isFinal: Bool) {
    let frames: [RawFrame] = [.text("a"), .more("b", isFinal: isFinal)]
    let expected = Reception(events: [.text("a")], violation: .continuationOfNothing)
    #expect(Reception(frames, role) == expected)
  }

  @Test(
    "§5.4: no message begins within another", arguments: WebSocketRole.both,
    [RawFrame.text("b"), .binary([]), .text("", isFinal: false)])
  func interruptedMessage(role: WebSocketRole, second: RawFrame) {
    let frames: [RawFrame] = [.text("a", isFinal: false), second]
    #expect(Reception(frames, role) == Reception(violation: .interruptedMessage))
  }

  // MARK: §5.5 Control frames

  @Test("§5.5: a control frame has up to 125 bytes", arguments: WebSocketRole.both)
  func controlSize(role: WebSocketRole) {
    let most = String(repeating: "x", count: 125)
    #expect(Reception([.ping(most)], role) == Reception(events: [.ping(most)]))
    #expect(Reception([.ping(most)], role, part: 1) == Reception(events: [.ping(most)]))
  }

  @Test(
    "§5.5: a larger one fails the connection", arguments: WebSocketRole.both, [8, 9, 10] as [UInt8])
  func longControl(role: WebSocketRole, opcode: UInt8) {
    let frame = RawFrame(opcode: opcode, payload: [UInt8](repeating: 0x20, count: 126))
    #expect(Reception([frame], role) == Reception(violation: .longControlFrame))
  }

  @Test(
    "§5.5: control frames are not fragmented", arguments: WebSocketRole.both, [8, 9, 10] as [UInt8])
  func fragmentedControl(role: WebSocketRole, opcode: UInt8) {
    let frame = RawFrame(opcode: opcode, payload: [], isFinal: false)
    #expect(Reception([frame], role) == Reception(violation: .fragmentedControlFrame))
  }

  @Test(
    "§5.5.2, §5.5.3: pings and pongs bring their payload", arguments: WebSocketRole.both,
    [Int.max, 1])
  func pingAndPong(role: WebSocketRole, part: Int) {
    let payload: [UInt8] = [0x00, 0xFF, 0xFE]
    let frames = [RawFrame(opcode: 9, payload: payload), RawFrame(opcode: 10, payload: payload)]
    let expected = Reception(
      events: [.ping(ByteBuffer(bytes: payload)), .pong(ByteBuffer(bytes: payload))])
    #expect(Reception(frames, role, part: part) == expected)
  }

  // MARK: §5.7 Examples

  @Test("§5.7: the examples of the RFC are read")
  func examples() {
    let unmasked: [UInt8] = [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]
    #expect(Reception(wire: unmasked, .client) == Reception(events: [.text("Hello")]))
    let masked: [UInt8] = [
      0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
    ]
    #expect(Reception(wire: masked, .server) == Reception(events: [.text("Hello")]))
    let fragmented: [UInt8] = [0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F]
    #expect(Reception(wire: fragmented, .client) == Reception(events: [.text("Hello")]))
    let ping: [UInt8] = [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]
    #expect(Reception(wire: ping, .client) == Reception(events: [.ping("Hello")]))
    let pong: [UInt8] = [
      0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
    ]
    #expect(Reception(wire: pong, .server) == Reception(events: [.pong("Hello")]))
  }

  @Test("what a frame's rules say names its section")
  func messages() {
    let violations: [WebSocketViolation] = [
      .unmaskedFrame, .maskedFrame, .reservedBits, .compressedFragment, .unknownOpcode(3),
      .fragmentedControlFrame, .longControlFrame, .longLengthForm, .negativeLength,
      .frameTooLarge(limit: 1), .continuationOfNothing, .interruptedMessage,
      .closePayloadOfOneByte, .closeCode(1), .closeReasonNotUTF8, .textNotUTF8, .badCompression,
      .messageTooLarge(limit: 1),
    ]
    for violation in violations {
      #expect(violation.description.contains("(RFC "))
    }
  }
}

import MartletTestSupport
import MartletWebSocket
import NIOCore
import Testing

/// RFC 7692 §6 and §7.2: compressed messages, as they come.
@Suite struct CompressionRulesTests {
  private static let takeover = PermessageDeflate.Parameters()
  private static let noTakeover = PermessageDeflate.Parameters(
    serverNoContextTakeover: true, clientNoContextTakeover: true)

  /// A final text frame that says that it is compressed.
  private static func compressed(_ payload: [UInt8], isFinal: Bool = true) -> RawFrame {
    RawFrame(opcode: 1, payload: payload, isFinal: isFinal, reserved: 4)
  }

  private static func compressed(
    _ text: String, _ settings: DeflateCompressor.Settings = .init()
  ) -> RawFrame {
    var payload = ByteBuffer()
    DeflateCompressor(settings, keepsContext: false).compress(
      ByteBuffer(string: text), into: &payload)
    return compressed(Array(payload.readableBytesView))
  }

  private func expectHello(_ frames: [RawFrame], times: Int = 1) {
    let expected = Reception(events: .init(repeating: .text("Hello"), count: times))
    for role in WebSocketRole.both {
      for part in [Int.max, 1] {
        #expect(Reception(frames, role, part: part, deflate: Self.takeover) == expected)
      }
    }
  }

  // MARK: §7.2.3 Examples

  @Test("§7.2.3.1: a message in one block")
  func oneBlock() {
    expectHello([Self.compressed([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])])
    expectHello([
      Self.compressed([0xF2, 0x48, 0xCD], isFinal: false), .more([0xC9, 0xC9, 0x07, 0x00]),
    ])
  }

  @Test("§7.2.3.2: a message that refers to the one before")
  func sharedWindow() {
    expectHello(
      [
        Self.compressed([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]),
        Self.compressed([0xF2, 0x00, 0x11, 0x00, 0x00]),
      ], times: 2)
  }

  @Test("§7.2.3.3: a block without compression")
  func storedBlock() {
    expectHello([
      Self.compressed([0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00])
    ])
  }

  @Test("§7.2.3.4: a final block ends neither the message nor the connection")
  func finalBlock() {
    let frame = Self.compressed([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00])
    expectHello([frame, frame], times: 2)
  }

  @Test("§7.2.3.4: what comes after a final block may refer to what was before")
  func windowAfterFinalBlock() {
    expectHello(
      [
        Self.compressed([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]),
        Self.compressed([0xF2, 0x00, 0x11, 0x00, 0x00]),
      ], times: 2)
  }

  @Test("§7.2.3.4: many final blocks in one message")
  func manyFinalBlocks() {
    // Final, empty blocks of 10 bits, padded.
    let blocks = [[UInt8]](repeating: [0x03, 0x00], count: 1000).flatMap { $0 }
    expectHello([Self.compressed(blocks + [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])])
  }

  @Test("§7.2.3.5: two blocks in one message")
  func twoBlocks() {
    expectHello([
      Self.compressed([
        0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00,
      ])
    ])
  }

  @Test("§7.2.3.6: empty messages", arguments: WebSocketRole.both)
  func emptyMessages(role: WebSocketRole) {
    // As the RFC has it, as a final block, and as nothing at all.
    let frames: [RawFrame] = [
      Self.compressed([0x00]), Self.compressed([0x03, 0x00, 0x00]), Self.compressed([UInt8]()),
      Self.compressed([], isFinal: false), .more([0x00]), .more("").asCompressedText,
      Self.compressed("after"),
    ]
    let expected = Reception(
      events: [.text(""), .text(""), .text(""), .text(""), .text(""), .text("after")])
    #expect(Reception(frames, role, deflate: Self.takeover) == expected)
    #expect(Reception(frames, role, part: 1, deflate: Self.takeover) == expected)
  }

  // MARK: §6 Framing

  @Test("§6: RSV1 needs the extension", arguments: WebSocketRole.both)
  func withoutExtension(role: WebSocketRole) {
    let frames = [Self.compressed("Hello")]
    #expect(Reception(frames, role) == Reception(violation: .reservedBits))
  }

  @Test(
    "§6: the extension defines RSV1 only", arguments: WebSocketRole.both, [1, 2, 5, 6] as [UInt8])
  func otherBits(role: WebSocketRole, reserved: UInt8) {
    let frames: [RawFrame] = [.text("Hello", reserved: reserved)]
    #expect(
      Reception(frames, role, deflate: Self.takeover) == Reception(violation: .reservedBits))
  }

  @Test("§6.1: only the first fragment has RSV1", arguments: WebSocketRole.both)
  func compressedContinuation(role: WebSocketRole) {
    var more = RawFrame.more([0xC9])
    more.reserved = 4
    for first in [
      Self.compressed([0xF2, 0x48, 0xCD], isFinal: false), .text("a", isFinal: false),
    ] {
      #expect(
        Reception([first, more], role, deflate: Self.takeover)
          == Reception(violation: .compressedFragment))
    }
  }

  @Test(
    "§6.1: control frames are not compressed", arguments: WebSocketRole.both, [8, 9, 10] as [UInt8])
  func compressedControl(role: WebSocketRole, opcode: UInt8) {
    let frame = RawFrame(opcode: opcode, payload: [], reserved: 4)
    #expect(
      Reception([frame], role, deflate: Self.takeover)
        == Reception(violation: .compressedFragment))
  }

  @Test("§6: a sender may leave messages uncompressed", arguments: WebSocketRole.both)
  func mixed(role: WebSocketRole) {
    let frames: [RawFrame] = [
      .text("plain"), Self.compressed("compressed"), .text("pl", isFinal: false), .more("ain"),
    ]
    let expected = Reception(events: [.text("plain"), .text("compressed"), .text("plain")])
    #expect(Reception(frames, role, deflate: Self.noTakeover) == expected)
  }

  @Test("§6.2: control frames come between compressed fragments", arguments: WebSocketRole.both)
  func controlBetween(role: WebSocketRole) {
    let frames: [RawFrame] = [
      Self.compressed([0xF2, 0x48, 0xCD], isFinal: false), .ping("p"),
      .more([0xC9, 0xC9, 0x07, 0x00]),
    ]
    let expected = Reception(events: [.ping("p"), .text("Hello")])
    #expect(Reception(frames, role, deflate: Self.takeover) == expected)
  }

  // MARK: §7.2.2 Decompression

  @Test(
    "§7.2.2: what is not DEFLATE fails the connection", arguments: WebSocketRole.both, [Int.max, 1])
  func garbage(role: WebSocketRole, part: Int) {
    for payload: [UInt8] in [
      // Block type 3; a stored block whose lengths disagree; a reference to before the beginning.
      [0x07, 0x00], [0x00, 0x05, 0x00, 0x00, 0x00], [0xF2, 0x00, 0x11, 0x00, 0x00],
    ] {
      let reception = Reception(
        [Self.compressed(payload)], role, part: part, deflate: Self.takeover)
      #expect(reception == Reception(violation: .badCompression))
      #expect(reception.violation?.closeCode == 1007)
    }
  }

  @Test("§7.2.1: a message ends with a whole block", arguments: WebSocketRole.both)
  func truncated(role: WebSocketRole) {
    let whole: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
    for count in 1..<whole.count {
      let frames = [Self.compressed(Array(whole.prefix(count)))]
      #expect(
        Reception(frames, role, deflate: Self.takeover) == Reception(violation: .badCompression))
    }
    // A final block without the byte that has to follow it.
    let frames = [Self.compressed([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])]
    #expect(
      Reception(frames, role, deflate: Self.takeover) == Reception(violation: .badCompression))
  }

  @Test(
    "§7.1.1: without context takeover a message does not refer to the one before",
    arguments: WebSocketRole.both)
  func noContextTakeover(role: WebSocketRole) {
    let frames = [
      Self.compressed([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]),
      Self.compressed([0xF2, 0x00, 0x11, 0x00, 0x00]),
    ]
    let parameters: PermessageDeflate.Parameters =
      role == .server ? .init(clientNoContextTakeover: true) : .init(serverNoContextTakeover: true)
    #expect(
      Reception(frames, role, deflate: parameters)
        == Reception(events: [.text("Hello")], violation: .badCompression))
    // What our own side promised does not matter to what comes in.
    let others: PermessageDeflate.Parameters =
      role == .server ? .init(serverNoContextTakeover: true) : .init(clientNoContextTakeover: true)
    #expect(
      Reception(frames, role, deflate: others)
        == Reception(events: [.text("Hello"), .text("Hello")]))
  }

  @Test(
    "a decompressor is held from the first message with takeover, and only within one without",
    arguments: WebSocketRole.both)
  func decompressorMemory(role: WebSocketRole) throws {
    for (parameters, isKept) in [(Self.takeover, true), (Self.noTakeover, false)] {
      var reader = WebSocketReader(role: role, limits: .generous, deflate: parameters)
      let atFirst = reader.isInflaterHeld
      #expect(!atFirst)
      let wire = Self.compressed("Hello").wire(from: role.peer)
      reader.append(ByteBuffer(bytes: wire.dropLast()))
      #expect(try reader.next() == nil)
      let within = reader.isInflaterHeld
      #expect(within)
      reader.append(ByteBuffer(bytes: wire.suffix(1)))
      #expect(try reader.next() == .text("Hello"))
      let afterwards = reader.isInflaterHeld
      #expect(afterwards == isKept)
    }
  }

  // MARK: §8 Text and size after decompression

  @Test("RFC 6455 §8.1: decompressed text is UTF-8", arguments: WebSocketRole.both, [Int.max, 1])
  func badText(role: WebSocketRole, part: Int) {
    var payload = ByteBuffer()
    DeflateCompressor(.init(), keepsContext: false).compress(
      ByteBuffer(bytes: [0x61, 0xED, 0xA0, 0x80, 0x61]), into: &payload)
    let frames = [Self.compressed(Array(payload.readableBytesView))]
    #expect(
      Reception(frames, role, part: part, deflate: Self.takeover)
        == Reception(violation: .textNotUTF8))
  }

  @Test(
    "a message of the limit after decompression is taken, a larger one dropped",
    arguments: WebSocketRole.both, [Int.max, 1])
  func sizeAfterDecompression(role: WebSocketRole, part: Int) {
    let limits = WebSocketLimits(frameSize: 1 << 16, messageSize: 5000)
    let most = String(repeating: "m", count: 5000)
    let frames = [
      Self.compressed(most), Self.compressed(most + "m"), Self.compressed("after"),
    ]
    #expect(
      Reception(frames, role, part: part, limits: limits, deflate: Self.noTakeover)
        == Reception(events: [.text(most), .tooLarge, .text("after")]))
  }

  @Test(
    "with context takeover a message above the limit ends the connection",
    arguments: WebSocketRole.both)
  func sizeWithTakeover(role: WebSocketRole) {
    let limits = WebSocketLimits(frameSize: 1 << 16, messageSize: 5000)
    let reception = Reception(
      [Self.compressed(String(repeating: "m", count: 5001))], role, limits: limits,
      deflate: Self.takeover)
    #expect(reception == Reception(violation: .messageTooLarge(limit: 5000)))
    #expect(reception.violation?.closeCode == 1009)
  }

  @Test("a bomb never takes more memory than the limit", arguments: WebSocketRole.both)
  func bomb(role: WebSocketRole) throws {
    let limit = 1 << 16
    let bomb = Self.compressed(String(repeating: "\0", count: 32 << 20))
    #expect(bomb.payload.count < 40_000)
    var reader = WebSocketReader(
      role: role, limits: WebSocketLimits(frameSize: 1 << 16, messageSize: limit),
      deflate: Self.noTakeover)
    var most = 0
    var events: [WebSocketEvent] = []
    for byte in bomb.wire(from: role.peer) {
      reader.append(ByteBuffer(bytes: [byte]))
      while let event = try reader.next() { events.append(event) }
      most = max(most, reader.heldBytes)
    }
    #expect(events == [.tooLarge])
    #expect(most <= limit)
    let isInflaterHeld = reader.isInflaterHeld
    #expect(!isInflaterHeld)
  }
}

extension RawFrame {
  /// A whole, empty, compressed message.
  fileprivate var asCompressedText: RawFrame {
    var frame = self
    frame.opcode = 1
    frame.reserved = 4
    return frame
  }
}

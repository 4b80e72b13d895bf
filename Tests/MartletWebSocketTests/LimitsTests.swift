import MartletTestSupport
import MartletWebSocket
import NIOCore
import Testing

/// RFC 6455 §10.4: what a peer may make us hold.
@Suite struct LimitsTests {
  private static let small = WebSocketLimits(frameSize: 100, messageSize: 150)

  @Test(
    "a frame of the limit is taken, a larger one refused with 1009", arguments: WebSocketRole.both)
  func frameSize(role: WebSocketRole) {
    let largest = [UInt8](repeating: 1, count: 100)
    #expect(
      Reception([.binary(largest)], role, limits: Self.small)
        == Reception(events: [.binary(largest)]))
    let reception = Reception([.binary(largest + [1])], role, limits: Self.small)
    #expect(reception == Reception(violation: .frameTooLarge(limit: 100)))
    #expect(reception.violation?.closeCode == 1009)
  }

  @Test("a huge frame is refused by its header alone", arguments: WebSocketRole.both)
  func hugeFrame(role: WebSocketRole) {
    let frame = RawFrame(opcode: 2, payload: [], claimedLength: 1 << 62)
    let wire = Array(frame.wire(from: role.peer).prefix(10))
    #expect(Reception(wire: wire, role) == Reception(violation: .frameTooLarge(limit: 1 << 24)))
  }

  @Test(
    "a message above the limit is dropped, and the next one taken", arguments: WebSocketRole.both,
    [Int.max, 1, 60])
  func messageSize(role: WebSocketRole, part: Int) {
    let half = [UInt8](repeating: 0x61, count: 75)
    let frames: [RawFrame] = [
      .binary(half, isFinal: false), .more(half),
      .binary(half, isFinal: false), .ping("a"), .more(half + [1], isFinal: false), .more(half),
      .text("next"),
    ]
    let expected = Reception(events: [
      .binary(half + half), .ping("a"), .tooLarge, .text("next"),
    ])
    #expect(Reception(frames, role, part: part, limits: Self.small) == expected)
  }

  @Test(
    "a message in one frame that is above the limit is dropped", arguments: WebSocketRole.both,
    [Int.max, 1])
  func messageInOneFrame(role: WebSocketRole, part: Int) {
    let limits = WebSocketLimits(frameSize: 100, messageSize: 10)
    let frames: [RawFrame] = [.text("12345678901"), .text("1234567890")]
    let expected = Reception(events: [.tooLarge, .text("1234567890")])
    #expect(Reception(frames, role, part: part, limits: limits) == expected)
  }

  @Test("a dropped message holds nothing", arguments: WebSocketRole.both)
  func droppedMessage(role: WebSocketRole) throws {
    var reader = WebSocketReader(
      role: role, limits: WebSocketLimits(frameSize: 1 << 20, messageSize: 1 << 20))
    let payload = [UInt8](repeating: 0, count: 1 << 19)
    let frames: [RawFrame] = [
      .binary(payload, isFinal: false), .more(payload, isFinal: false),
      .more([1], isFinal: false),
    ]
    reader.append(ByteBuffer(bytes: frames.wire(from: role.peer)))
    #expect(try reader.next() == nil)
    let (isInsideMessage, heldBytes) = (reader.isInsideMessage, reader.heldBytes)
    #expect(isInsideMessage)
    #expect(heldBytes == 0)
  }

  @Test("a length that is claimed takes no memory", arguments: WebSocketRole.both)
  func claimedLength(role: WebSocketRole) throws {
    var reader = WebSocketReader(role: role, limits: .generous)
    let frame = RawFrame(opcode: 2, payload: [1, 2, 3], claimedLength: 1 << 24)
    reader.append(ByteBuffer(bytes: frame.wire(from: role.peer)))
    #expect(try reader.next() == nil)
    let heldBytes = reader.heldBytes
    #expect(heldBytes <= 64)
  }

  @Test("an idle reader holds nothing, and is small", arguments: WebSocketRole.both)
  func idle(role: WebSocketRole) throws {
    #expect(MemoryLayout<WebSocketReader>.size <= 144)
    var reader = WebSocketReader(role: role, limits: .generous)
    let frames: [RawFrame] = [.text("a"), .text("b", isFinal: false), .ping(), .more("c")]
    for byte in frames.wire(from: role.peer) {
      reader.append(ByteBuffer(bytes: [byte]))
      while try reader.next() != nil {}
    }
    let (heldBytes, isInsideMessage) = (reader.heldBytes, reader.isInsideMessage)
    #expect(heldBytes == 0)
    #expect(!isInsideMessage)
  }

  @Test(
    "a few bytes that wait do not hold the large buffer that they came in",
    arguments: WebSocketRole.both)
  func leftover(role: WebSocketRole) throws {
    let whole = RawFrame.binary([UInt8](repeating: 0, count: 60_000)).wire(from: role.peer)
    for rest: [RawFrame] in [
      [.ping(String(repeating: "p", count: 125))], [.text("fragment", isFinal: false)],
    ] {
      var reader = WebSocketReader(role: role, limits: .generous)
      let part = rest.wire(from: role.peer)
      reader.append(ByteBuffer(bytes: whole + part.dropLast()))
      while try reader.next() != nil {}
      let heldBytes = reader.heldBytes
      #expect(heldBytes > 0)
      #expect(heldBytes <= 512)
    }
  }

  @Test(
    "byte by byte, storage grows a few times only, and twice as large as the message at most",
    arguments: WebSocketRole.both)
  func byteByByte(role: WebSocketRole) throws {
    var reader = WebSocketReader(role: role, limits: .generous)
    let count = 1 << 17
    let wire = RawFrame.binary([UInt8](repeating: 7, count: count)).wire(from: role.peer)
    var sizes: Set<Int> = []
    var events = 0
    for byte in wire {
      reader.append(ByteBuffer(bytes: [byte]))
      while let event = try reader.next() {
        events += 1
        guard case .binary(let bytes) = event else { continue }
        #expect(bytes.readableBytes == count)
      }
      sizes.insert(reader.heldBytes)
    }
    #expect(events == 1)
    #expect(sizes.count <= 24)
    #expect(sizes.max() ?? 0 <= 2 * count)
  }
}

import MartletTestSupport
import MartletWebSocket
import NIOCore

/// What a peer might send that keeps all rules: messages cut into fragments, some compressed, with control
/// frames in between; and the events that have to come of it.
struct RandomTraffic {
  let sender: WebSocketRole
  let deflate: PermessageDeflate.Parameters?
  private(set) var wire: [UInt8] = []
  private(set) var events: [WebSocketEvent] = []

  init(using generator: inout SeededGenerator) {
    sender = Bool.random(using: &generator) ? .client : .server
    let takeover = Bool.random(using: &generator)
    let bits = Int.random(in: 9...15, using: &generator)
    deflate =
      Bool.random(using: &generator)
      ? PermessageDeflate.Parameters(
        serverNoContextTakeover: !takeover, clientNoContextTakeover: !takeover,
        serverMaxWindowBits: bits, clientMaxWindowBits: bits) : nil
    let compressor = deflate.map {
      DeflateCompressor($0, of: sender, level: Int.random(in: 0...9, using: &generator))
    }
    for _ in 0..<Int.random(in: 1...12, using: &generator) {
      appendControlFrames(&generator)
      appendMessage(compressor, &generator)
    }
    if Bool.random(using: &generator) {
      append(.close, ByteBuffer(bytes: [0x03, 0xE8]), &generator)
      events.append(.close(code: 1000, reason: ""))
    }
  }

  private mutating func appendMessage(
    _ compressor: DeflateCompressor?, _ generator: inout SeededGenerator
  ) {
    let isText = Bool.random(using: &generator)
    let size = [0, 1, 10, 130, 5000].randomElement(using: &generator) ?? 0
    let count = Int.random(in: 0...size, using: &generator)
    let message =
      isText ? Self.text(count, &generator) : Self.bytes(count, &generator)
    var payload = message
    let isCompressed = compressor != nil && Bool.random(using: &generator)
    if isCompressed, let compressor {
      payload = ByteBuffer()
      compressor.compress(message, into: &payload)
    }
    var opcode: WebSocketOpcode = isText ? .text : .binary
    var rest = payload
    repeat {
      let most = [rest.readableBytes, 3, 200].randomElement(using: &generator) ?? 0
      let length = min(rest.readableBytes, Int.random(in: 0...most, using: &generator))
      let part = rest.readSlice(length: length) ?? ByteBuffer()
      let isFinal = rest.readableBytes == 0 && Bool.random(using: &generator)
      append(
        opcode, part, isFinal: isFinal, isCompressed: isCompressed && opcode != .continuation,
        &generator)
      opcode = .continuation
      if isFinal { break }
      appendControlFrames(&generator)
    } while true
    events.append(isText ? .text(message) : .binary(message))
  }

  private mutating func appendControlFrames(_ generator: inout SeededGenerator) {
    while Int.random(in: 0..<4, using: &generator) == 0 {
      let payload = Self.bytes(Int.random(in: 0...125, using: &generator), &generator)
      let isPing = Bool.random(using: &generator)
      append(isPing ? .ping : .pong, payload, &generator)
      events.append(isPing ? .ping(payload) : .pong(payload))
    }
  }

  private mutating func append(
    _ opcode: WebSocketOpcode, _ payload: ByteBuffer, isFinal: Bool = true,
    isCompressed: Bool = false, _ generator: inout SeededGenerator
  ) {
    let maskKey = sender == .client ? UInt32.random(in: 0 ... .max, using: &generator) : nil
    wire +=
      WebSocketFraming.frame(
        opcode, payload: payload, isFinal: isFinal, isCompressed: isCompressed, maskKey: maskKey
      ).readableBytesView
  }

  private static func bytes(_ count: Int, _ generator: inout SeededGenerator) -> ByteBuffer {
    // Few different values, so that there is something to compress.
    ByteBuffer(
      bytes: (0..<count).map { _ in UInt8.random(in: 0...(count > 100 ? 7 : 255), using: &generator)
      })
  }

  private static func text(_ count: Int, _ generator: inout SeededGenerator) -> ByteBuffer {
    var text = ""
    for _ in 0..<count {
      let range: ClosedRange<UInt32> =
        [0x20...0x7E, 0x20...0x7E, 0x80...0x7FF, 0x800...0xD7FF, 0x10000...0x10FFFF]
        .randomElement(using: &generator) ?? 0x20...0x7E
      if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator)) {
        text.unicodeScalars.append(scalar)
      }
    }
    return ByteBuffer(string: text)
  }
}

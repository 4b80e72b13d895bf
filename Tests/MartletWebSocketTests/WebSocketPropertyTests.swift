import MartletTestSupport
import MartletWebSocket
import NIOCore
import Testing

/// What holds for any traffic.
@Suite struct WebSocketPropertyTests {
  private static func seeds(_ name: String, count: Int) -> [UInt64] {
    let first = UInt64.random(in: 0 ... .max)
    print("WebSocketPropertyTests.\(name) first seed: \(first)")
    return (0..<UInt64(count)).map { first &+ $0 }
  }

  @Test("what was sent is received, however it is fragmented, compressed and cut")
  func goodTraffic() {
    for seed in Self.seeds("goodTraffic", count: 200) {
      var generator = SeededGenerator(seed: seed)
      let traffic = RandomTraffic(using: &generator)
      let expected = Reception(events: traffic.events)
      for part in [Int.max, 1, Int.random(in: 2...3000, using: &generator)] {
        let isReceived =
          Reception(wire: traffic.wire, traffic.sender.peer, part: part, deflate: traffic.deflate)
          == expected
        #expect(isReceived, "seed \(seed), parts of \(part)")
      }
    }
  }

  @Test("spoiled traffic ends in events or one violation, the same however it is cut")
  func spoiledTraffic() {
    var violations: Set<UInt16> = []
    for seed in Self.seeds("spoiledTraffic", count: 250) {
      var generator = SeededGenerator(seed: seed)
      let traffic = RandomTraffic(using: &generator)
      var wire = traffic.wire
      for _ in 0..<Int.random(in: 1...6, using: &generator) { Self.spoil(&wire, &generator) }
      let head = Self.head(of: traffic, &generator)
      let outcome = ArbitraryStream(head + wire)?.run()
      #expect(outcome != nil)
      if let code = outcome?.violation?.closeCode { violations.insert(code) }
    }
    // Otherwise the spoiling spoils too little.
    #expect(violations == [1002, 1007, 1009])
  }

  @Test("arbitrary bytes end in events or one violation, the same however they are cut")
  func arbitraryBytes() {
    for seed in Self.seeds("arbitraryBytes", count: 1000) {
      var generator = SeededGenerator(seed: seed)
      let bytes = (0..<Int.random(in: 4...200, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      #expect(ArbitraryStream(bytes)?.run() != nil)
    }
  }

  @Test("arbitrary bytes as a compressed message end in an event or one violation")
  func arbitraryDeflate() {
    for seed in Self.seeds("arbitraryDeflate", count: 1000) {
      var generator = SeededGenerator(seed: seed)
      let payload = (0..<Int.random(in: 0...120, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      let isText = Bool.random(using: &generator)
      var frame = RawFrame(opcode: isText ? 1 : 2, payload: payload)
      frame.reserved = 4
      // A client: no masks to get right.
      let head = [UInt8.random(in: 0...255, using: &generator) | 3, 0xAF, 1, 0]
      #expect(ArbitraryStream(head + frame.wire(from: .server))?.run() != nil)
    }
  }

  @Test("a fuzzer's parameters lead to all kinds of readers")
  func arbitraryStreamHeads() throws {
    #expect(ArbitraryStream([0, 0, 0]) == nil)
    let plain = try #require(ArbitraryStream([0, 0xFF, 0, 0]))
    #expect(plain.role == .server)
    #expect(plain.deflate == nil)
    #expect(plain.limits == WebSocketLimits(frameSize: 32768, messageSize: 32768))
    let hello: [UInt8] = [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
    let compressed = try #require(ArbitraryStream([0xE7, 0xFF, 0, 0] + hello))
    #expect(compressed.role == .client)
    #expect(compressed.deflate == PermessageDeflate.Parameters())
    #expect(compressed.run().events == [.text("Hello")])
  }

  /// The parameters of ``ArbitraryStream`` with which unspoiled traffic would be read.
  private static func head(
    of traffic: RandomTraffic, _ generator: inout SeededGenerator
  ) -> [UInt8] {
    var first: UInt8 = traffic.sender == .client ? 0 : 1
    if let deflate = traffic.deflate {
      first |= 2 | (deflate.serverNoContextTakeover ? 0 : 4)
      first |= UInt8(deflate.serverMaxWindowBits - 8) << 5
    }
    // Generous limits, or such that cut off the larger frames and messages.
    let limits: UInt8 = Int.random(in: 0..<4, using: &generator) > 0 ? 0xFF : 0xA9
    return [first, limits, UInt8.random(in: 0...255, using: &generator), 0]
  }

  private static func spoil(_ wire: inout [UInt8], _ generator: inout SeededGenerator) {
    guard let index = wire.indices.randomElement(using: &generator) else { return }
    let end = min(wire.count, index + Int.random(in: 1...20, using: &generator))
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: wire[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 1: wire[index] = UInt8.random(in: 0...255, using: &generator)
    case 2: wire.removeSubrange(index..<end)
    case 3: wire.insert(contentsOf: wire[index..<end], at: index)
    default: wire.removeSubrange(index...)
    }
  }
}

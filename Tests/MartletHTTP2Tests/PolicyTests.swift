import MartletTestSupport
import NIOCore
import Testing

@testable import MartletHTTP2

@Suite struct PolicyTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  @Test func `What was sent earns windows, up to a bound`() {
    var configuration = HTTP2Configuration()
    configuration.overhead = HTTP2Configuration.Rate(burst: 1, perSecond: 1)
    var flood = FloodGuard(configuration)
    flood.sentData()
    let first = (0..<4).map { _ in flood.allows(.windowUpdate, at: start) }
    #expect(first == [true, true, true, false])
    for _ in 0..<1_000_000 { flood.sentData() }
    var allowed = 0
    while flood.allows(.windowUpdate, at: start) { allowed += 1 }
    #expect(allowed == 10_000)
  }

  @Test func `A queue gives what it got, in order, whatever the pieces`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed: \(seed)")
    var random = SeededGenerator(seed: seed)
    var queue = OutboundQueue()
    var model: [UInt8] = []
    for _ in 0..<5_000 {
      if Bool.random(using: &random) {
        let count = Int.random(in: 1...(Bool.random(using: &random) ? 20 : 9_000), using: &random)
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        queue.append(ByteBuffer(bytes: bytes))
        model += bytes
      } else {
        let count = Int.random(in: 0...min(model.count, 20_000), using: &random)
        var batch = OutputBatch()
        queue.move(count, to: &batch)
        #expect(batch.count == count)
        let pieces = batch.pieces().flatMap { Array($0.readableBytesView) }
        #expect(pieces == Array(model.prefix(count)))
        model.removeFirst(count)
      }
      #expect(queue.count == model.count)
    }
  }

  @Test func `Settings out of range are named`() {
    var configuration = HTTP2Configuration()
    #expect(throws: Never.self) { try configuration.validate() }
    configuration.connectionWindow = 65_534
    #expect(
      throws: HTTP2ConfigurationError(
        name: "connectionWindow", problem: "65534 is not in 65535…2147483647")
    ) { try configuration.validate() }
    configuration = HTTP2Configuration()
    configuration.idleTimeout = .zero
    #expect(
      throws: HTTP2ConfigurationError(
        name: "idleTimeout", problem: "a span of time is positive")
    ) { try configuration.validate() }
  }

  @Test func `A field counts 32 bytes more than its text`() {
    var fields = HeaderAssembly(limit: 100)
    let isFine = fields.add(name: "abc", value: String(repeating: "v", count: 65))
    guard case .head = fields.request(endStream: true) else {
      Issue.record("100 bytes are within 100")
      return
    }
    #expect(isFine)
    var more = HeaderAssembly(limit: 100)
    let goesOn = more.add(name: "abc", value: String(repeating: "v", count: 66))
    #expect(goesOn && more.request(endStream: true) == .tooLarge)
    var attack = HeaderAssembly(limit: 100)
    let isAttack = !attack.add(name: "abc", value: String(repeating: "v", count: 366))
    #expect(isAttack)
  }

  @Test func `Codes have the names of the standard`() {
    #expect(HTTP2ErrorCode.enhanceYourCalm.description == "ENHANCE_YOUR_CALM")
    #expect(HTTP2ErrorCode(rawValue: 0xff).description == "0xff")
  }
}

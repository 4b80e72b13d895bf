import Testing

@testable import MartletGateway

@Suite struct RecoveredBytesTests {
  @Test func `There is room up to the limit, and again for what has left`() {
    var bytes = RecoveredBytes(limit: 10)
    #expect(bytes.take(6) && bytes.take(4))
    let isRefused = !bytes.take(1)
    #expect(isRefused)
    bytes.measured(3)
    let fits = bytes.take(7)
    #expect(fits)
  }

  @Test func `One recovery has room, however large, when there is no other`() {
    var bytes = RecoveredBytes(limit: 10)
    #expect(bytes.take(0) && bytes.take(1_000))
    let isRefused = !bytes.take(1)
    #expect(isRefused)
  }
}

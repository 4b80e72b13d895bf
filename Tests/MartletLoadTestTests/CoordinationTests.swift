import NIOCore
import Testing

@testable import MartletLoadTest

@Suite struct ClockComparisonTests {
  @Test func `The exchange with the shortest round trip counts`() {
    var clock = ClockComparison()
    #expect(clock.error == nil)
    clock.add(sent: 1_000, received: 3_000, theirs: 102_500)
    #expect(clock.offset == 100_500 && clock.error == 1_000)
    clock.add(sent: 4_000, received: 4_200, theirs: 104_150)
    #expect(clock.offset == 100_050 && clock.error == 100)
    clock.add(sent: 5_000, received: 9_000, theirs: 0)
    #expect(clock.offset == 100_050 && clock.error == 100)
  }
}

@Suite struct OrderQueueTests {
  @Test func `An order stays first until it is answered, and is answered once`() {
    var queue = OrderQueue<String>()
    #expect(queue.first == nil)
    queue.append(.status, "a")
    queue.append(.finish, "b")
    #expect(queue.first?.number == 1 && queue.first?.number == 1)
    #expect(queue.answered(2) == nil)
    #expect(queue.answered(1) == "a")
    #expect(queue.answered(1) == nil)
    #expect(queue.first?.number == 2)
    #expect(queue.abandon() == ["b"] && queue.first == nil)
  }
}

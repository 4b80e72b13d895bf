import NIOCore
import Testing

@testable import MartletTestSupport

@Suite struct FaultQueueTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
  private var queue = FaultQueue()

  private func bytes(_ text: String) -> FaultQueue.Content { .bytes(ByteBuffer(string: text)) }

  @Test mutating func `Contents go on in order`() {
    queue.append(bytes("a"), at: start)
    queue.append(bytes("b"), at: start)
    queue.append(.end, at: start)
    #expect(queue.byteCount == 2)
    let steps = (0..<4).map { _ in queue.next(at: start, pace: .init()) }
    #expect(steps == [.forward(bytes("a")), .forward(bytes("b")), .forward(.end), nil])
    #expect(queue.byteCount == 0)
  }

  @Test mutating func `Contents wait for the delay since their arrival`() {
    let pace = FaultProxy.Pace(delay: .milliseconds(100))
    queue.append(.reset, at: start)
    let due = start + .milliseconds(100)
    #expect(queue.next(at: due - .nanoseconds(1), pace: pace) == .wait(until: due))
    #expect(queue.next(at: due, pace: pace) == .forward(.reset))
  }

  @Test mutating func `Forgetting bytes keeps the end`() {
    queue.append(bytes("a"), at: start)
    queue.append(.end, at: start)
    queue.append(bytes("b"), at: start)
    queue.dropBytes()
    #expect(queue.byteCount == 0)
    #expect(queue.next(at: start, pace: .init()) == .forward(.end))
    #expect(queue.next(at: start, pace: .init()) == nil)
  }

  @Test(arguments: [1, 7, 1_000, 1_000_000])
  mutating func `Paced bytes take their time, to a tenth of a second`(rate: Int) {
    let count = rate * 2 + 3
    queue.append(bytes(String(repeating: "x", count: count)), at: start)
    var now = start
    var forwarded = 0
    while let step = queue.next(at: now, pace: .init(bytesPerSecond: rate)) {
      switch step {
      case .wait(let deadline):
        #expect(deadline > now)
        now = deadline
      case .forward(let content):
        guard case .bytes(let part) = content else {
          Issue.record("no bytes")
          return
        }
        forwarded += part.readableBytes
        let elapsed = Double((now - start).nanoseconds) / 1e9
        // A byte more, for slices are whole.
        #expect(Double(forwarded - 1) <= Double(rate) * (elapsed + 0.121))
      }
    }
    #expect(forwarded == count)
    #expect(now - start <= .seconds(2) + .nanoseconds(4_000_000_000 / Int64(rate)))
  }
}

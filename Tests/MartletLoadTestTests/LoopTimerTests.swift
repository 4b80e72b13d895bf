import MartletTestSupport
import NIOCore
import NIOPosix
import Testing

@testable import MartletLoadTest

@Suite struct LoopTimerTests {
  @Test(
    "A timer that is set again by a task of the batch it is in goes off once",
    .timeLimit(.minutes(1))
  )
  func setInItsBatch() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    let times = try await loop.submit {
      let counted = loop.makePromise(of: Int.self)
      let timer = LoopTimer(eventLoop: loop)
      var times = 0
      // Both are due when the loop looks for the first time, and so leave its queue together.
      let past = NIODeadline.now()
      loop.assumeIsolated().scheduleTask(deadline: past) {
        timer.set(.now()) { times += 1 }
      }
      timer.set(past) { times += 1 }
      loop.assumeIsolated().scheduleTask(in: .milliseconds(20)) { counted.succeed(times) }
      return counted.futureResult
    }.flatMap { $0 }.get()
    #expect(times == 1)
  }

  @Test("A timer that is cancelled does not go off, and tells when it will") func cancelled()
    async throws
  {
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    let times = try await loop.submit {
      let counted = loop.makePromise(of: Int.self)
      let timer = LoopTimer(eventLoop: loop)
      var times = 0
      let moment = NIODeadline.now() + .milliseconds(1)
      timer.set(moment) { times += 1 }
      #expect(timer.deadline == moment)
      timer.cancel()
      #expect(timer.deadline == nil)
      loop.assumeIsolated().scheduleTask(in: .milliseconds(20)) { counted.succeed(times) }
      return counted.futureResult
    }.flatMap { $0 }.get()
    #expect(times == 0)
  }
}

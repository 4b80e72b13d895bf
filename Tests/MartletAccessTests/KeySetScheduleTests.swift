import Testing

@testable import MartletAccess

@Suite struct KeySetScheduleTests {
  /// A schedule with the times of a test, in seconds from its start.
  private final class Timeline {
    private let start = ContinuousClock.now
    private var schedule: KeySetSchedule

    init() {
      schedule = KeySetSchedule(
        KeySetSchedule.Rules(refresh: .seconds(900), staleFor: .seconds(3_600)), now: start)
    }

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    func isDue(_ seconds: Double) -> Bool { schedule.due(now: at(seconds)) }
    func demand(_ seconds: Double) -> KeySetSchedule.Demand { schedule.demanded(now: at(seconds)) }
    func isUsable(_ seconds: Double) -> Bool { schedule.isUsable(now: at(seconds)) }
    func age(_ seconds: Double) -> Duration? { schedule.age(now: at(seconds)) }
    var next: Double { (schedule.nextFetch - start) / .seconds(1) }

    func succeed(_ seconds: Double, jitter: Double = 0) {
      schedule.succeeded(now: at(seconds), jitter: jitter)
    }

    func fail(_ seconds: Double, jitter: Double = 0) {
      schedule.failed(now: at(seconds), jitter: jitter)
    }
  }

  private let schedule = Timeline()

  @Test func `The first fetch is due at once, and one at a time`() {
    #expect(schedule.isDue(0))
    #expect(!schedule.isDue(0))
    #expect(schedule.demand(0) == .wait)
    #expect(!schedule.isUsable(0) && schedule.age(0) == nil)
  }

  @Test(arguments: [(0.0, 900.0), (0.5, 855), (1, 810)])
  func `Refreshes spread over the last tenth of the interval`(jitter: Double, due: Double) {
    #expect(schedule.isDue(0))
    schedule.succeed(0, jitter: jitter)
    #expect(schedule.next == due)
    #expect(!schedule.isDue(due - 1))
    #expect(schedule.isDue(due))
  }

  @Test func `Failures are repeated ever later, until one succeeds`() {
    var delays: [Double] = []
    for _ in 0..<9 {
      let now = schedule.next
      #expect(schedule.isDue(now))
      schedule.fail(now, jitter: 1)
      delays.append(schedule.next - now)
    }
    #expect(delays == [0.5, 1, 2, 4, 8, 16, 30, 30, 30])
    #expect(schedule.isDue(1_000))
    schedule.succeed(1_000)
    #expect(schedule.isDue(2_000))
    schedule.fail(2_000)
    #expect(schedule.next == 2_000.05)
  }

  @Test func `Keys are good for the refresh and the stale time after it, not longer`() {
    #expect(schedule.isDue(0))
    schedule.succeed(0)
    #expect(schedule.isUsable(4_500) && !schedule.isUsable(4_501))
    #expect(schedule.isDue(900))
    schedule.fail(901)
    #expect(schedule.isUsable(4_500) && !schedule.isUsable(4_501))
    #expect(schedule.age(901) == .seconds(901))
  }

  @Test func `Demands fetch at once, and at most once per interval`() {
    #expect(schedule.isDue(0))
    schedule.succeed(0)
    #expect(schedule.demand(1) == .fetch)
    #expect(schedule.demand(1) == .wait)
    #expect(!schedule.isDue(2_000))
    schedule.succeed(2)
    #expect(schedule.next == 902)
    #expect(schedule.demand(10.9) == .tooSoon)
    #expect(schedule.demand(11) == .fetch)
    schedule.fail(12)
    #expect(schedule.demand(20) == .tooSoon)
    #expect(schedule.demand(21) == .fetch)
  }
}

import MartletCore
import MartletTestSupport
import Testing

@testable import MartletAccess

/// Which questions are asked, which wait, and who gets which answer.
@Suite struct HookQueueTests {
  private typealias Queue = HookQueue<Int>

  /// A queue with the times of a test, in seconds from its start, and who was told what.
  private final class Desk {
    private let start = ContinuousClock.now
    private var queue: Queue
    /// Not answered yet, in the order in which they were asked.
    var requests: [Queue.Request] = []
    var told: [Int: AccessAnswer] = [:]

    init(concurrency: Int = 2, waiting: Int = 100, cachedAnswers: Int = 100) {
      queue = Queue(
        Queue.Limits(
          concurrency: concurrency, waiting: waiting, timeout: .seconds(2),
          cachedAnswers: cachedAnswers),
        CircuitBreaker(failureLimit: 3, openDuration: .seconds(5)))
    }

    var statistics: AccessStatistics.Hook { queue.statistics }
    func count(_ outcome: HookOutcome) -> Int { queue.statistics.outcomes[outcome] ?? 0 }

    func ask(_ question: AccessQuestion, _ waiter: Int, at seconds: Double = 0) {
      switch queue.ask(question, waiter, now: start + .seconds(seconds)) {
      case .ask(let request): requests.append(request)
      case .wait: break
      case .answer(let answer): tell(waiter, answer)
      }
    }

    /// Ends the first request that is under way.
    func finish(_ ending: Queue.Ending, at seconds: Double = 0) {
      let completion = queue.finished(
        requests.removeFirst(), ending, took: .seconds(1), now: start + .seconds(seconds))
      for (waiters, answer) in completion.answers {
        for waiter in waiters { tell(waiter, answer) }
      }
      requests += completion.requests
    }

    func close() { for waiter in queue.close() { tell(waiter, .unavailable) } }

    private func tell(_ waiter: Int, _ answer: AccessAnswer) {
      #expect(told.updateValue(answer, forKey: waiter) == nil, "\(waiter) is told once")
    }
  }

  private let desk = Desk()

  @Test func `The same question is asked once`() throws {
    for waiter in 0..<10 { desk.ask(Example.join(connection: "c\(waiter)"), waiter) }
    #expect(desk.requests.count == 1 && desk.statistics.waiting == 10)
    desk.finish(.answered(.allowed, ttl: .zero))
    #expect(desk.told.count == 10 && desk.told.values.allSatisfy { $0 == .allowed })
    #expect(desk.count(.allowed) == 1 && desk.statistics.waiting == 0)
  }

  @Test func `Questions that differ in anything that decides are asked apart`() throws {
    let desk = Desk(concurrency: 100)
    let route = Example.route()
    let group = Example.group
    let questions = [
      Example.join(), Example.join("u2"), Example.join(group: "room_8"),
      Example.join(group: "acme/room_7"),
      .connect(Example.subject(), route),
      .join(Example.subject(claims: #"{"role":"x"}"#), route, group),
      .join(Example.subject(claims: nil), route, group),
      Example.publish("a"), Example.publish("b"), Example.publish("a", type: "other"),
    ]
    for (index, question) in questions.enumerated() { desk.ask(question, index) }
    #expect(desk.requests.count == questions.count)
  }

  @Test func `An answer is used again for its time`() throws {
    desk.ask(Example.join(), 1)
    desk.finish(.answered(.denied(reason: "no"), ttl: .seconds(30)))
    desk.ask(Example.join(connection: "another"), 2, at: 29)
    #expect(desk.told[2] == .denied(reason: "no") && desk.requests.isEmpty)
    #expect(desk.statistics.cacheHits == 1)
    desk.ask(Example.join(), 3, at: 30)
    #expect(desk.told[3] == nil && desk.requests.count == 1)
  }

  @Test func `An answer without a time is used once`() throws {
    desk.ask(Example.join(), 1)
    desk.finish(.answered(.allowed, ttl: .zero))
    desk.ask(Example.join(), 2)
    #expect(desk.requests.count == 1 && desk.told[2] == nil)
  }

  @Test func `An answer that is kept is for all events of a type`() throws {
    desk.ask(Example.publish("a"), 1)
    desk.finish(.answered(.allowed, ttl: .seconds(30)))
    desk.ask(Example.publish("b"), 2)
    desk.ask(Example.publish("b", type: "other"), 3)
    #expect(desk.told[2] == .allowed && desk.told[3] == nil)
  }

  @Test func `A failure is told as such and not kept`() throws {
    desk.ask(Example.join(), 1)
    desk.finish(.failed(.timedOut))
    #expect(desk.told[1] == .unavailable && desk.count(.timedOut) == 1)
    desk.ask(Example.join(), 2)
    #expect(desk.requests.count == 1)
  }

  @Test func `No more are asked at once than allowed, and the others follow in order`() throws {
    for user in 0..<5 { desk.ask(Example.join("u\(user)"), user) }
    #expect(desk.requests.map(\.question.subject.user.id) == ["u0", "u1"])
    desk.finish(.answered(.allowed, ttl: .zero))
    #expect(desk.requests.map(\.question.subject.user.id) == ["u1", "u2"])
    for _ in 0..<4 { desk.finish(.answered(.allowed, ttl: .zero)) }
    #expect(desk.told.count == 5 && desk.statistics.asking == 0)
  }

  @Test func `Who waited too long is not asked about`() throws {
    for user in 0..<4 { desk.ask(Example.join("u\(user)"), user) }
    desk.finish(.answered(.allowed, ttl: .zero), at: 2)
    #expect(desk.told == [0: .allowed, 2: .unavailable, 3: .unavailable])
    #expect(desk.count(.timedOut) == 2 && desk.requests.count == 1)
  }

  @Test func `What waits is answered by an answer that was kept meanwhile`() throws {
    desk.ask(Example.publish("a"), 1)
    desk.ask(Example.join(), 2)
    desk.ask(Example.publish("b"), 3)
    #expect(desk.requests.count == 2)
    desk.finish(.answered(.allowed, ttl: .seconds(30)))
    #expect(desk.told == [1: .allowed, 3: .allowed] && desk.requests.count == 1)
  }

  @Test func `Too many who wait are turned away`() throws {
    let desk = Desk(concurrency: 1, waiting: 3)
    for waiter in 0..<5 { desk.ask(Example.join("u\(waiter % 2)"), waiter) }
    #expect(desk.told == [3: .unavailable, 4: .unavailable] && desk.count(.queueFull) == 2)
    desk.finish(.answered(.allowed, ttl: .zero))
    desk.ask(Example.join("u9"), 9)
    #expect(desk.told[9] == nil)
  }

  @Test func `An open circuit turns all away, also those who wait; kept answers stay`() throws {
    desk.ask(Example.join("kept"), 0)
    desk.finish(.answered(.allowed, ttl: .seconds(60)))
    for user in 1...6 { desk.ask(Example.join("u\(user)"), user) }
    for _ in 0..<3 { desk.finish(.failed(.failed)) }
    // u4 was asked before the third failure.
    #expect(desk.requests.map(\.question.subject.user.id) == ["u4"])
    #expect(Set(desk.told.keys) == [0, 1, 2, 3, 5, 6] && desk.told[5] == .unavailable)
    #expect(desk.count(.circuitOpen) == 2 && desk.statistics.circuitOpenings == 1)
    desk.ask(Example.join("u7"), 7, at: 4.9)
    #expect(desk.told[7] == .unavailable)
    desk.ask(Example.join("kept"), 8, at: 4.9)
    #expect(desk.told[8] == .allowed)
    // Its answer comes late, and closes nothing.
    desk.finish(.answered(.allowed, ttl: .zero))
    #expect(desk.told[4] == .allowed)
    desk.ask(Example.join("u9"), 9, at: 5)
    desk.ask(Example.join("u10"), 10, at: 5)
    #expect(desk.requests.count == 1 && desk.told[10] == .unavailable)
    desk.finish(.answered(.allowed, ttl: .zero), at: 6)
    desk.ask(Example.join("u11"), 11, at: 6)
    #expect(desk.requests.count == 1 && desk.statistics.circuit == .closed(failures: 0))
  }

  @Test func `Closing tells all who wait, and late answers nobody`() throws {
    for user in 0..<4 { desk.ask(Example.join("u\(user)"), user) }
    desk.close()
    #expect(desk.told.count == 4)
    desk.finish(.answered(.allowed, ttl: .zero))
    desk.finish(.failed(.failed))
    desk.ask(Example.join("u9"), 9)
    #expect(desk.told[9] == .unavailable && desk.requests.isEmpty)
    #expect(desk.statistics.waiting == 0 && desk.statistics.asking == 0)
  }

  @Test func `Whatever happens everybody is told once and nothing is kept for ever`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SeededGenerator(seed: seed)
    let desk = Desk(concurrency: 3, waiting: 20, cachedAnswers: 4)
    var now = 0.0
    let asked = 5_000
    for waiter in 0..<asked {
      now += Double.random(in: 0...0.2, using: &generator)
      let user = "u\(Int.random(in: 0..<30, using: &generator))"
      let joins = Bool.random(using: &generator)
      desk.ask(
        joins ? Example.join(user) : Example.publish("x", user: user), waiter, at: now)
      #expect(desk.requests.count <= 3 && desk.statistics.waiting <= 20, "seed \(seed)")
      #expect(desk.statistics.cachedAnswers <= 4, "seed \(seed)")
      while !desk.requests.isEmpty, Bool.random(using: &generator) {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: desk.finish(.failed(.failed), at: now)
        case 1: desk.finish(.answered(.denied(reason: nil), ttl: .seconds(1)), at: now)
        default: desk.finish(.answered(.allowed, ttl: .seconds(3)), at: now)
        }
      }
    }
    while !desk.requests.isEmpty { desk.finish(.answered(.allowed, ttl: .zero), at: now) }
    #expect(desk.told.count == asked, "seed \(seed)")
    #expect(desk.statistics.waiting == 0 && desk.statistics.asking == 0, "seed \(seed)")
  }
}

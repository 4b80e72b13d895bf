internal import DequeModule

/// Decides which questions are asked, which wait, and who gets which answer. A value: time is an argument.
///
/// The same question is asked once, however many want to know. At most `concurrency` are asked at once; the others wait
/// in order, as long as there is room and the circuit is closed. Each `ask` that is returned is ended by
/// ``finished(_:_:took:now:)``.
struct HookQueue<Waiter> {
  struct Limits {
    var concurrency: Int
    /// Who waits, for questions that are asked already and for those that are not.
    var waiting: Int
    /// How long a question may wait before it is asked.
    var timeout: Duration
    var cachedAnswers: Int
  }

  /// A question to be asked now.
  struct Request {
    var question: AccessQuestion
    fileprivate var key: QuestionKey
    fileprivate var permit: CircuitBreaker.Permit
  }

  enum Decision {
    case ask(Request)
    /// The waiter is kept until the answer is here.
    case wait
    /// The waiter is not kept.
    case answer(AccessAnswer)
  }

  /// How a request ended.
  enum Ending {
    case answered(AccessAnswer, ttl: Duration)
    case failed(HookOutcome)
  }

  /// Who is told what, and what is asked next.
  struct Completion {
    var answers: [(waiters: [Waiter], answer: AccessAnswer)] = []
    var requests: [Request] = []
  }

  private struct Flight {
    var question: AccessQuestion
    var waiters: [Waiter]
  }

  private struct Queued {
    var key: QuestionKey
    var deadline: ContinuousClock.Instant
  }

  private let limits: Limits
  private var cache: AnswerCache
  private var breaker: CircuitBreaker
  /// Questions that are asked or wait to be.
  private var flights: [QuestionKey: Flight] = [:]
  private var queued: Deque<Queued> = []
  private var asking = 0
  private var waiting = 0
  private var isClosed = false
  private var counts = AccessStatistics.Hook()

  init(_ limits: Limits, _ breaker: CircuitBreaker) {
    self.limits = limits
    self.breaker = breaker
    cache = AnswerCache(capacity: limits.cachedAnswers)
  }

  var statistics: AccessStatistics.Hook {
    var statistics = counts
    statistics.cachedAnswers = cache.count
    statistics.asking = asking
    statistics.waiting = waiting
    statistics.circuit = breaker.state
    statistics.circuitOpenings = breaker.openings
    return statistics
  }

  /// A kept answer.
  mutating func keptAnswer(
    to question: AccessQuestion, now: ContinuousClock.Instant
  ) -> AccessAnswer? {
    guard let answer = cache.answer(for: .answer(question), now: now) else { return nil }
    counts.cacheHits += 1
    return answer
  }

  /// Somebody wants to know.
  mutating func ask(
    _ question: AccessQuestion, _ waiter: Waiter, now: ContinuousClock.Instant
  ) -> Decision {
    if let answer = keptAnswer(to: question, now: now) { return .answer(answer) }
    guard !isClosed else { return .answer(.unavailable) }
    guard waiting < limits.waiting else { return refuse(.queueFull) }
    let key = QuestionKey.asked(question)
    if flights[key] != nil {
      flights[key]?.waiters.append(waiter)
      waiting += 1
      return .wait
    }
    if asking < limits.concurrency {
      guard let permit = breaker.admit(now: now) else { return refuse(.circuitOpen) }
      flights[key] = Flight(question: question, waiters: [waiter])
      waiting += 1
      asking += 1
      return .ask(Request(question: question, key: key, permit: permit))
    }
    if case .closed = breaker.state {
      flights[key] = Flight(question: question, waiters: [waiter])
      waiting += 1
      queued.append(Queued(key: key, deadline: now + limits.timeout))
      return .wait
    }
    return refuse(.circuitOpen)
  }

  /// A request has ended.
  ///
  /// - Parameter took: since it was asked.
  mutating func finished(
    _ request: Request, _ ending: Ending, took: Duration, now: ContinuousClock.Instant
  ) -> Completion {
    asking -= 1
    counts.requestTime += took
    var completion = Completion()
    switch ending {
    case .answered(let answer, let ttl):
      breaker.succeeded(request.permit)
      counts.outcomes[answer.isAllowed ? .allowed : .denied, default: 0] += 1
      cache.keep(answer, for: .answer(request.question), ttl: ttl, now: now)
      tell(request.key, answer, &completion)
    case .failed(let outcome):
      breaker.failed(request.permit, now: now)
      counts.outcomes[outcome, default: 0] += 1
      tell(request.key, .unavailable, &completion)
    }
    startQueued(&completion, now: now)
    return completion
  }

  /// No more is asked; the result are all who wait.
  mutating func close() -> [Waiter] {
    isClosed = true
    let waiters = flights.values.flatMap(\.waiters)
    flights = [:]
    queued = []
    waiting = 0
    return waiters
  }

  /// Asks what waits, as far as there is room; tells those who waited too long, or in vain.
  private mutating func startQueued(
    _ completion: inout Completion, now: ContinuousClock.Instant
  ) {
    while let next = queued.first {
      // An answer for another connection of the same user may have come meanwhile.
      if let question = flights[next.key]?.question,
        let answer = keptAnswer(to: question, now: now)
      {
        queued.removeFirst()
        tell(next.key, answer, &completion)
        continue
      }
      if next.deadline <= now {
        queued.removeFirst()
        refuseAll(next.key, .timedOut, &completion)
        continue
      }
      guard asking < limits.concurrency else { return }
      queued.removeFirst()
      guard let permit = breaker.admit(now: now), let flight = flights[next.key] else {
        refuseAll(next.key, .circuitOpen, &completion)
        continue
      }
      asking += 1
      completion.requests.append(
        Request(question: flight.question, key: next.key, permit: permit))
    }
  }

  private mutating func tell(
    _ key: QuestionKey, _ answer: AccessAnswer, _ completion: inout Completion
  ) {
    // None after `close`.
    guard let flight = flights.removeValue(forKey: key) else { return }
    waiting -= flight.waiters.count
    completion.answers.append((flight.waiters, answer))
  }

  private mutating func refuseAll(
    _ key: QuestionKey, _ outcome: HookOutcome, _ completion: inout Completion
  ) {
    counts.outcomes[outcome, default: 0] += flights[key]?.waiters.count ?? 0
    tell(key, .unavailable, &completion)
  }

  private mutating func refuse(_ outcome: HookOutcome) -> Decision {
    counts.outcomes[outcome, default: 0] += 1
    return .answer(.unavailable)
  }
}

extension AccessAnswer {
  fileprivate var isAllowed: Bool {
    if case .allowed = self { true } else { false }
  }
}

internal import Logging
internal import MartletConfiguration
internal import MartletCore
internal import Synchronization

/// Asks the application's back end over HTTP what clients may do. Any thread.
///
/// Who gets no answer may not: a back end that is down lets nobody in (docs/decisions/0014).
final class AccessHook: Sendable {
  private typealias Waiter = CheckedContinuation<AccessAnswer, Never>
  private typealias Queue = HookQueue<Waiter>

  private let configuration: Configuration.Hook
  private let http: OutgoingHTTP
  private let logger: Logger
  private let queue: Mutex<Queue>

  init(_ configuration: Configuration.Hook, http: OutgoingHTTP, logger: Logger) {
    self.configuration = configuration
    self.http = http
    self.logger = logger
    queue = Mutex(
      Queue(
        Queue.Limits(
          concurrency: configuration.concurrency, waiting: configuration.queue,
          timeout: configuration.timeout, cachedAnswers: configuration.cacheSize),
        CircuitBreaker(
          failureLimit: configuration.circuitFailures, openDuration: configuration.circuitOpen)))
  }

  /// A kept answer.
  func look(_ question: AccessQuestion) -> AccessAnswer? {
    queue.withLock { $0.keptAnswer(to: question, now: .now) }
  }

  /// Asks; the answer comes within twice the timeout.
  func permits(_ question: AccessQuestion) async -> AccessAnswer {
    await withCheckedContinuation { continuation in
      switch queue.withLock({ $0.ask(question, continuation, now: .now) }) {
      case .answer(let answer): continuation.resume(returning: answer)
      case .wait: break
      case .ask(let request): start(request)
      }
    }
  }

  /// Lets everybody go who waits.
  func stop() {
    for waiter in queue.withLock({ $0.close() }) { waiter.resume(returning: .unavailable) }
  }

  var statistics: AccessStatistics.Hook { queue.withLock { $0.statistics } }

  /// Not a part of the task of the one who asked first: others wait for the same answer.
  private func start(_ request: Queue.Request) {
    Task {
      let beginning = ContinuousClock.now
      let ending = await ask(request.question)
      let took = ContinuousClock.now - beginning
      let (completion, hasOpened) = queue.withLock { queue in
        let openings = queue.statistics.circuitOpenings
        let completion = queue.finished(request, ending, took: took, now: .now)
        return (completion, queue.statistics.circuitOpenings > openings)
      }
      if hasOpened {
        logger.warning("access hook fails", metadata: ["url": "\(configuration.url)"])
      }
      for (waiters, answer) in completion.answers {
        for waiter in waiters { waiter.resume(returning: answer) }
      }
      for request in completion.requests { start(request) }
    }
  }

  private func ask(_ question: AccessQuestion) async -> Queue.Ending {
    let problem: String
    do {
      let answer = try await http.post(
        configuration.url, body: HookMessage.body(question), bearer: configuration.secret,
        timeout: configuration.timeout, maximumSize: HookMessage.maximumAnswerSize)
      if answer.status == 200,
        let answer = HookMessage.answer(answer.body, to: question.event)
      {
        return .answered(answer.answer, ttl: answer.ttl)
      }
      problem = answer.status == 200 ? "no answer that can be read" : "status \(answer.status)"
    } catch .timedOut {
      logger.debug("access hook has not answered in time")
      return .failed(.timedOut)
    } catch {
      problem = "\(error)"
    }
    logger.debug("access hook has not answered", metadata: ["error": "\(problem)"])
    return .failed(.failed)
  }
}

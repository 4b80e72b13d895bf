internal import NIOConcurrencyHelpers
internal import NIOCore

/// The workers of a coordinator, and what they have been asked. Any thread.
final class WorkerPool: Sendable {
  /// A worker that has not asked for so long is lost. It does not ask while it carries out an order.
  static let patience = TimeAmount.minutes(2)
  /// The same for one whose connection has ended: it makes another at once.
  static let reconnectPatience = TimeAmount.seconds(10)

  /// How long workers may take to hear that they can go.
  static let farewell = Duration.seconds(3)

  private typealias Waiter = CheckedContinuation<WorkerReply, any Error>

  private struct Worker {
    var registration: WorkerExchange.Registration
    var orders = OrderQueue<Waiter>()
    /// A request that waits for an order.
    var poll: EventLoopPromise<WorkerExchange.Response>?
    var lastHeard = NIODeadline.now()
    /// Of its newest connection.
    var connection: ObjectIdentifier?
    /// When that ended; nil: it has not.
    var disconnected: NIODeadline?

    func isLost(_ now: NIODeadline) -> Bool {
      if let disconnected, now - disconnected > WorkerPool.reconnectPatience { return true }
      return orders.first != nil && now - lastHeard > WorkerPool.patience
    }
  }

  private struct State {
    var workers: [Worker] = []
    var failure: (any Error)?
  }

  let size: Int
  private let version: String
  private let state = NIOLockedValueBox(State())

  init(size: Int, version: String) {
    self.size = size
    self.version = version
  }

  var count: Int { state.withLockedValue { $0.workers.count } }

  /// How far the workers' clocks may be off from the coordinator's, in nanoseconds.
  var clockError: Int64 {
    state.withLockedValue { $0.workers.map(\.registration.clockError).max() ?? 0 }
  }

  // MARK: For workers

  /// - Throws: `WorkerExchange.Problem` as a reason for the worker.
  func register(_ registration: WorkerExchange.Registration) throws -> Int {
    try state.withLockedValue { state in
      guard registration.version == version else {
        throw WorkerRefused(
          reason: "the coordinator is version \(version), the worker \(registration.version)")
      }
      guard state.workers.count < size else {
        throw WorkerRefused(reason: "there are \(size) workers already")
      }
      state.workers.append(Worker(registration: registration))
      return state.workers.count - 1
    }
  }

  /// Takes an answer, and completes with the next order, or with none after `limit`.
  ///
  /// - Parameter channel: by which the request came.
  func request(
    _ request: WorkerExchange.Request, of index: Int, by channel: any Channel,
    within limit: TimeAmount
  ) -> EventLoopFuture<WorkerExchange.Response> {
    let eventLoop = channel.eventLoop
    connected(index, by: channel)
    var answered: (Waiter, WorkerReply)?
    var isDismissed = false
    if request.isLeaving == true {
      leave(index)
      return eventLoop.makeSucceededFuture(WorkerExchange.Response())
    }
    let poll = eventLoop.makePromise(of: WorkerExchange.Response.self)
    let former: EventLoopPromise<WorkerExchange.Response>? = state.withLockedValue { state in
      guard state.workers.indices.contains(index) else { return nil }
      state.workers[index].lastHeard = .now()
      if let first = state.workers[index].orders.first, case .dismiss = first.order {
        isDismissed = request.answer?.order == first.number
      }
      if let answer = request.answer,
        let waiter = state.workers[index].orders.answered(answer.order)
      {
        answered = (waiter, answer.reply)
      }
      // A worker that asks again has given the former request up.
      let former = state.workers[index].poll
      state.workers[index].poll = poll
      return former
    }
    former?.succeed(WorkerExchange.Response())
    eventLoop.scheduleTask(in: limit) { [state] in
      state.withLockedValue { state in
        if state.workers.indices.contains(index),
          state.workers[index].poll?.futureResult === poll.futureResult
        {
          state.workers[index].poll = nil
        }
      }
      poll.succeed(WorkerExchange.Response())
    }
    answered.map { waiter, reply in waiter.resume(returning: reply) }
    // It goes when it has heard.
    if isDismissed { poll.succeed(WorkerExchange.Response()) }
    deliver(to: index)
    return poll.futureResult
  }

  private func connected(_ index: Int, by channel: any Channel) {
    let connection = ObjectIdentifier(channel)
    let isNew = state.withLockedValue { state in
      guard state.workers.indices.contains(index), state.workers[index].connection != connection
      else { return false }
      state.workers[index].connection = connection
      state.workers[index].disconnected = nil
      return true
    }
    guard isNew else { return }
    channel.closeFuture.whenComplete { [state] _ in
      state.withLockedValue { state in
        guard state.workers[index].connection == connection else { return }
        state.workers[index].connection = nil
        state.workers[index].disconnected = .now()
      }
    }
  }

  private func deliver(to index: Int) {
    let delivery = state.withLockedValue { state in
      guard state.workers.indices.contains(index), let poll = state.workers[index].poll,
        let first = state.workers[index].orders.first
      else { return nil as (EventLoopPromise<WorkerExchange.Response>, Int, WorkerOrder)? }
      state.workers[index].poll = nil
      return (poll, first.number, first.order)
    }
    delivery.map { poll, number, order in
      poll.succeed(WorkerExchange.Response(order: .init(number: number, order: order)))
    }
  }

  // MARK: For the run

  /// - Throws: ``LoadTestFailure/workerLost(_:)`` or ``LoadTestFailure/workerFailed(_:reason:)``.
  func ask(_ index: Int, _ order: WorkerOrder) async throws -> WorkerReply {
    let reply = try await withCheckedThrowingContinuation { (waiter: Waiter) in
      let failure: (any Error)? = state.withLockedValue { state in
        // One is lost: the others may still be sent home.
        if case .dismiss = order {} else if let failure = state.failure { return failure }
        state.workers[index].orders.append(order, waiter)
        return nil
      }
      if let failure { waiter.resume(throwing: failure) } else { deliver(to: index) }
    }
    if case .failed(let reason) = reply {
      throw LoadTestFailure.workerFailed(name(of: index), reason: reason)
    }
    return reply
  }

  /// The same for all workers at once; replies in their order.
  func askAll(_ order: WorkerOrder) async throws -> [WorkerReply] {
    try await withThrowingTaskGroup(of: (Int, WorkerReply).self) { tasks in
      for index in 0..<size { tasks.addTask { (index, try await self.ask(index, order)) } }
      var replies: [(Int, WorkerReply)] = []
      for try await reply in tasks { replies.append(reply) }
      return replies.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  /// Sends all workers home; returns when they have heard, or after ``farewell``.
  func dismiss() async {
    await withTaskGroup(of: Void.self) { tasks in
      for index in 0..<count { tasks.addTask { _ = try? await self.ask(index, .dismiss) } }
      let limit = Task {
        try await Task.sleep(for: Self.farewell)
        self.abandonAll(WorkersDismissed())
      }
      await tasks.waitForAll()
      limit.cancel()
    }
  }

  private func abandonAll(_ error: any Error) {
    let waiters = state.withLockedValue { state in
      state.workers.indices.flatMap { state.workers[$0].orders.abandon() }
    }
    for waiter in waiters { waiter.resume(throwing: error) }
  }

  private func name(of index: Int) -> String {
    state.withLockedValue { "worker \(index) (\($0.workers[index].registration.name))" }
  }

  /// Fails all that is asked of a worker that is silent. Called now and then.
  func loseSilentWorkers(now: NIODeadline = .now()) {
    let lost = state.withLockedValue { state in
      state.workers.indices.first { state.workers[$0].isLost(now) }
    }
    if let lost { fail(LoadTestFailure.workerLost(name(of: lost))) }
  }

  private func leave(_ index: Int) {
    guard index < count else { return }
    fail(LoadTestFailure.workerLeft(name(of: index)))
  }

  /// - Throws: what the first worker that is gone has left.
  func checkComplete() throws {
    if let failure = state.withLockedValue({ $0.failure }) { throw failure }
  }

  private func fail(_ failure: LoadTestFailure) {
    state.withLockedValue { $0.failure = $0.failure ?? failure }
    abandonAll(failure)
  }
}

/// The end has been said; who has not heard it finds out by itself.
struct WorkersDismissed: Error {}

/// Why a worker is not taken.
struct WorkerRefused: Error, Equatable {
  var reason: String
}

import NIOCore
import NIOPosix

/// The workers of all loops, reached from outside of them.
struct Fleet: Sendable {
  private let workers: [NIOLoopBound<LoopWorker>]

  /// Deals the clients over the loops round robin.
  init(_ context: RunContext, on group: MultiThreadedEventLoopGroup, loopCount: Int) async throws {
    var workers: [NIOLoopBound<LoopWorker>] = []
    for index in 0..<loopCount {
      let eventLoop = group.next()
      let numbers = Array(stride(from: index, to: context.settings.clients, by: loopCount))
      try await workers.append(
        eventLoop.submit {
          NIOLoopBound(
            LoopWorker(context: context, eventLoop: eventLoop, numbers: numbers),
            eventLoop: eventLoop)
        }.get())
    }
    self.workers = workers
  }

  /// Runs `body` for each worker on its loop, one after the other.
  func onEachLoop(_ body: @escaping @Sendable (LoopWorker) -> Void) async throws {
    for worker in workers {
      try await worker.eventLoop.submit { body(worker.value) }.get()
    }
  }

  /// The sum over all loops. Each loop is looked at in its turn, so sums may be off by what happens
  /// in between while the run goes on.
  func snapshot() async throws -> LoopWorker.Snapshot {
    var sum = LoopWorker.Snapshot()
    for worker in workers {
      try await sum.add(worker.eventLoop.submit { worker.value.snapshot() }.get())
    }
    return sum
  }

  /// Stops every client.
  func finish() async throws -> LoopWorker.Outcome {
    var sum = LoopWorker.Outcome(
      counters: LoadCounters(), latencies: Latencies(), offenders: [], clients: [])
    for worker in workers {
      let outcome = try await worker.eventLoop.submit { worker.value.finish() }.get()
      sum.counters.add(outcome.counters)
      sum.latencies.add(outcome.latencies)
      sum.offenders += outcome.offenders
      sum.clients += outcome.clients
    }
    sum.clients.sort { $0.number < $1.number }
    return sum
  }
}

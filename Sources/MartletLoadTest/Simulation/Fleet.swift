internal import NIOCore
internal import NIOPosix

/// The workers of all loops of this process, reached from outside of them.
struct Fleet: Sendable {
  private let workers: [NIOLoopBound<LoopWorker>]

  init(
    _ context: RunContext, on group: MultiThreadedEventLoopGroup, loops: Int, process: Int,
    of processes: Int
  ) async throws {
    var workers: [NIOLoopBound<LoopWorker>] = []
    for index in 0..<loops {
      let eventLoop = group.next()
      let share = Share(process: process, processes: processes, loop: index, loops: loops)
      try await workers.append(
        eventLoop.submit {
          NIOLoopBound(
            LoopWorker(
              context: context, share: share,
              dialer: Dialer(eventLoop: eventLoop, security: context.security)),
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

  /// The sum over all loops. Each loop is looked at in its turn, so sums may be off by what happens in between while the run
  /// goes on.
  func snapshot() async throws -> LoopWorker.Snapshot {
    var sum = LoopWorker.Snapshot()
    for worker in workers {
      try await sum.add(worker.eventLoop.submit { worker.value.snapshot() }.get())
    }
    return sum
  }

  func publisherRecords() async throws -> [PublisherRecord] {
    var records: [PublisherRecord] = []
    for worker in workers {
      records += try await worker.eventLoop.submit { worker.value.publisherRecords() }.get()
    }
    return records.sorted { $0.number < $1.number }
  }

  func witnessed(_ records: [PublisherRecord]) async throws -> [Int: SequenceSet] {
    var seen: [Int: SequenceSet] = [:]
    for worker in workers {
      let more = try await worker.eventLoop.submit { worker.value.witnessed(records) }.get()
      seen.merge(more) { $0.union($1) }
    }
    return seen
  }

  func judge(_ published: [PublishedRecord]) async throws -> Verdict {
    var verdict = Verdict()
    for worker in workers {
      try await verdict.add(worker.eventLoop.submit { worker.value.judge(published) }.get())
    }
    return verdict
  }

  /// Stops every client.
  func finish() async throws -> LoopWorker.Remains {
    var sum = LoopWorker.Remains()
    for worker in workers {
      try await sum.add(worker.eventLoop.submit { worker.value.finish() }.get())
    }
    return sum
  }
}

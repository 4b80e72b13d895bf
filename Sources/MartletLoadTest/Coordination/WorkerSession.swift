internal import AsyncHTTPClient
internal import Foundation
internal import MartletCore
internal import MartletDaemon
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOHTTP1
internal import NIOPosix

/// A worker: asks its coordinator what to do, and does it.
package struct WorkerSession: Sendable {
  /// How long it looks for its coordinator.
  private static let patience = Duration.seconds(300)
  /// The same for one that it has lost: as long as the coordinator looks for a worker.
  private static let lostPatience = Duration.seconds(10)
  private static let retryDelay = Duration.milliseconds(500)
  /// Longer than the coordinator lets a request wait.
  private static let timeout = TimeAmount.seconds(60)
  private static let largestAnswer = 1 << 30
  private static let clockExchanges = 20

  private let coordinator: String
  private let secret: String?
  private let name: String
  private let say: @Sendable (String) -> Void

  /// - Parameters:
  ///   - coordinator: `http://HOST:PORT`.
  ///   - name: for messages about this worker.
  ///   - say: told what happens, for a person.
  package init(
    coordinator: String, secret: String?, name: String,
    say: @escaping @Sendable (String) -> Void
  ) {
    self.coordinator = coordinator.hasSuffix("/") ? String(coordinator.dropLast()) : coordinator
    self.secret = secret
    self.name = name
    self.say = say
  }

  /// Works until it is dismissed.
  ///
  /// - Throws: ``LoadTestFailure`` if there is no coordinator, or it does not want this worker; `CancellationError` if the task is
  ///   cancelled, which the coordinator is told.
  package func work() async throws {
    let clock = try await compareClocks()
    let welcome: WorkerExchange.Welcome = try await post(
      "/workers",
      WorkerExchange.Registration(
        version: ProgramVersion.number, name: name, clockError: clock.error ?? 0))
    say("worker \(welcome.worker) of \(coordinator)")
    let bench = WorkerBench(clock)
    do {
      try await carryOutOrders(as: welcome.worker, bench)
    } catch {
      await bench.leave()
      if error is CancellationError {
        // The task is cancelled, and the farewell must not be.
        let farewell = Task { try await sayFarewell(as: welcome.worker) }
        try? await farewell.value
      }
      throw error
    }
    await bench.leave()
  }

  private func carryOutOrders(as worker: Int, _ bench: WorkerBench) async throws {
    var request = WorkerExchange.Request()
    while true {
      let response: WorkerExchange.Response = try await post(
        "/workers/\(worker)/orders", request, patience: Self.lostPatience)
      request.answer = nil
      guard let order = response.order else { continue }
      let reply = await bench.carryOut(order.order)
      request.answer = .init(order: order.number, reply: reply)
      guard case .dismiss = order.order else { continue }
      // The coordinator may be gone before it has heard: there is no second attempt.
      let _: WorkerExchange.Response? = try? await post(
        "/workers/\(worker)/orders", request, patience: .zero)
      return
    }
  }

  private func sayFarewell(as worker: Int) async throws {
    var request = WorkerExchange.Request()
    request.isLeaving = true
    let _: WorkerExchange.Response = try await post(
      "/workers/\(worker)/orders", request, patience: .zero)
  }

  private func compareClocks() async throws -> ClockComparison {
    var clock = ClockComparison()
    for _ in 0..<Self.clockExchanges {
      let sent = RunStart.now.nanoseconds
      let theirs: WorkerExchange.Clock = try await get("/clock")
      clock.add(sent: sent, received: RunStart.now.nanoseconds, theirs: theirs.now)
    }
    return clock
  }

  // MARK: Requests

  private func get<Answer: Decodable>(_ path: String) async throws -> Answer {
    try await send(HTTPClientRequest(url: coordinator + path))
  }

  private func post<Answer: Decodable>(
    _ path: String, _ body: some Encodable, patience: Duration = Self.patience
  ) async throws -> Answer {
    var request = HTTPClientRequest(url: coordinator + path)
    request.method = .POST
    request.body = .bytes(
      try JSONEncoder().encodeAsByteBuffer(body, allocator: ByteBufferAllocator()))
    return try await send(request, patience: patience)
  }

  /// Repeats a request as long as there is no coordinator: every one of them may be repeated but the registration, of which
  /// a coordinator that is there says what came of it.
  private func send<Answer: Decodable>(
    _ request: HTTPClientRequest, patience: Duration = Self.patience
  ) async throws -> Answer {
    var request = request
    if let secret { request.headers.replaceOrAdd(name: "Authorization", value: "Bearer \(secret)") }
    let end = ContinuousClock.now + patience
    var isFirst = true
    while true {
      do {
        let response = try await HTTPClient.shared.execute(request, timeout: Self.timeout)
        let body = try await response.body.collect(upTo: Self.largestAnswer)
        guard response.status == .ok else {
          let problem = try? JSONDecoder().decode(WorkerExchange.Problem.self, from: body)
          throw LoadTestFailure.notWanted(
            coordinator: coordinator, reason: problem?.error ?? "HTTP \(response.status)")
        }
        return try JSONDecoder().decode(Answer.self, from: body)
      } catch let failure as LoadTestFailure {
        throw failure
      } catch {
        try Task.checkCancellation()
        let reason = ConnectError.describe(error)
        guard ContinuousClock.now < end else {
          let tried = patience > .zero ? ", tried for \(DurationText.format(patience))" : ""
          throw LoadTestFailure.notWanted(coordinator: coordinator, reason: reason + tried)
        }
        if isFirst {
          say("waiting for \(coordinator), at most \(DurationText.format(patience)): \(reason)")
          isFirst = false
        }
        try await Task.sleep(for: Self.retryDelay)
      }
    }
  }
}

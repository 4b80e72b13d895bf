internal import Foundation
package import MartletCore
internal import MartletDaemon
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOHTTP1
internal import NIOPosix

/// Waits for workers and runs a load test by them. Its port speaks HTTP to them: ``WorkerExchange``.
package final class Coordinator: Sendable {
  /// Of requests: what publishers of a large run say.
  private static let bodyLimit = 1 << 30
  /// A request that waits for an order is answered after so long, whatever has come.
  private static let pollTime = TimeAmount.seconds(20)
  /// Between handing out the scenario and the first phase.
  private static let preparation = Duration.milliseconds(500)

  private let pool: WorkerPool
  private let secret: String?
  private let group: MultiThreadedEventLoopGroup
  private let channel: any Channel

  private init(
    _ pool: WorkerPool, secret: String?, _ group: MultiThreadedEventLoopGroup,
    _ channel: any Channel
  ) {
    self.pool = pool
    self.secret = secret
    self.group = group
    self.channel = channel
  }

  /// Where workers find it.
  package var address: HostAndPort {
    HostAndPort(
      host: channel.localAddress?.ipAddress ?? "", port: channel.localAddress?.port ?? 0)
  }

  /// Binds the port.
  ///
  /// - Parameters:
  ///   - workers: how many there will be.
  ///   - secret: what workers have to know; nil: anybody who reaches the port may be one.
  package static func start(
    on address: HostAndPort, workers: Int, secret: String?
  ) async throws -> Coordinator {
    let pool = WorkerPool(size: workers, version: ProgramVersion.number)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(
            ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
          try pipeline.addHandler(
            HTTPRequestHandler(bodyLimit: bodyLimit, timeout: .seconds(60)) {
              request, channel, _ in
              answer(request, pool, secret: secret, channel).map { .response($0) }
            })
        }
      }
      .bind(address, key: "--coordinator")
    return Coordinator(pool, secret: secret, group, channel)
  }

  package func stop() async {
    try? await channel.close()
    try? await group.shutdownGracefully()
  }

  /// Waits until all workers are there, and runs `test` by them.
  ///
  /// - Parameter arrived: told whenever another one has come: how many there are.
  package func execute(
    _ scenario: Scenario, _ test: LoadTest, run: RunIdentifier,
    arrived: @escaping @Sendable (Int) -> Void
  ) async throws -> LoadTestReport {
    let watch = Task { [pool] in
      while !Task.isCancelled {
        pool.loseSilentWorkers()
        try await Task.sleep(for: .seconds(1))
      }
    }
    defer { watch.cancel() }
    let crew = RemoteCrew(pool: pool)
    do {
      try await awaitWorkers(test, arrived)
      let start = RunStart.now
      try await crew.prepare(scenario, run: run, start: start.nanoseconds)
      try await Task.sleep(for: Self.preparation)
      let report = try await test.execute(
        by: crew, Plan(scenario), start: start, clockError: Double(pool.clockError) / 1e6)
      await pool.dismiss()
      return report
    } catch {
      await pool.dismiss()
      throw error
    }
  }

  private func awaitWorkers(
    _ test: LoadTest, _ arrived: @escaping @Sendable (Int) -> Void
  ) async throws {
    var count = -1
    while pool.count < pool.size {
      if pool.count != count {
        count = pool.count
        arrived(count)
      }
      if test.isInterrupted { throw LoadTestFailure.interruptedEarly }
      // One that has gone would be missed only when all are there.
      try pool.checkComplete()
      try await Task.sleep(for: .milliseconds(50))
    }
    arrived(pool.count)
  }

  // MARK: Requests

  private static func answer(
    _ request: HTTPRequest, _ pool: WorkerPool, secret: String?, _ channel: any Channel
  ) -> EventLoopFuture<HTTPResponse> {
    let loop = channel.eventLoop
    func now(_ response: HTTPResponse) -> EventLoopFuture<HTTPResponse> {
      loop.makeSucceededFuture(response)
    }
    if let secret, request.head.headers.first(name: "Authorization") != "Bearer \(secret)" {
      return now(problem(.unauthorized, "the secret is another one"))
    }
    let path = request.path.split(separator: "/")
    switch (request.head.method, path.first, path.count) {
    case (.GET, "clock", 1):
      return now(json(WorkerExchange.Clock(now: RunStart.now.nanoseconds)))
    case (.POST, "workers", 1):
      return now(register(request.body, pool))
    case (.POST, "workers", 3):
      guard let index = Int(path[1]), path[2] == "orders", index >= 0, index < pool.count,
        let body = try? JSONDecoder().decode(WorkerExchange.Request.self, from: request.body)
      else { return now(problem(.badRequest, "this is no worker's request")) }
      return pool.request(body, of: index, by: channel, within: pollTime).map { json($0) }
    default:
      return now(problem(.notFound, "there are /clock, /workers and /workers/N/orders"))
    }
  }

  private static func register(_ body: ByteBuffer, _ pool: WorkerPool) -> HTTPResponse {
    do {
      let registration = try JSONDecoder().decode(WorkerExchange.Registration.self, from: body)
      return json(WorkerExchange.Welcome(worker: try pool.register(registration)))
    } catch let refusal as WorkerRefused {
      return problem(.conflict, refusal.reason)
    } catch {
      return problem(.badRequest, "this is no registration of a worker")
    }
  }

  private static func problem(_ status: HTTPResponseStatus, _ text: String) -> HTTPResponse {
    json(WorkerExchange.Problem(error: text), status)
  }

  private static func json(
    _ value: some Encodable, _ status: HTTPResponseStatus = .ok
  ) -> HTTPResponse {
    guard let body = try? JSONEncoder().encodeAsByteBuffer(value, allocator: ByteBufferAllocator())
    else { return .text(.internalServerError, "the answer cannot be written") }
    return HTTPResponse(status, contentType: "application/json", body: body)
  }
}

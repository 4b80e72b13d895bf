package import MartletCore
internal import MartletDaemon
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// Serves the totals of a run to Prometheus while it lasts. Any thread.
package final class MetricsEndpoint: Sendable {
  private let server: AdminServer
  private let group: MultiThreadedEventLoopGroup
  private let totals: NIOLockedValueBox<RunTotals>

  private init(
    _ server: AdminServer, _ group: MultiThreadedEventLoopGroup,
    _ totals: NIOLockedValueBox<RunTotals>
  ) {
    self.server = server
    self.group = group
    self.totals = totals
  }

  package static func start(on address: HostAndPort) async throws -> MetricsEndpoint {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let totals = NIOLockedValueBox(RunTotals())
    let loop = group.next()
    do {
      let server = try await AdminServer.start(
        on: address, group: group,
        reports: AdminServer.Reports(
          unreadiness: { loop.makeSucceededFuture([]) },
          metrics: {
            loop.makeSucceededFuture(PrometheusText.render(totals.withLockedValue { $0 }))
          }))
      return MetricsEndpoint(server, group, totals)
    } catch {
      try? await group.shutdownGracefully()
      throw LoadTestFailure.portTaken(address: "\(address)", reason: "\(error)")
    }
  }

  /// Where it listens.
  package var address: HostAndPort { server.address }

  package func update(_ totals: RunTotals) {
    self.totals.withLockedValue { $0 = totals }
  }

  package func stop() async {
    await server.stop()
    try? await group.shutdownGracefully()
  }
}

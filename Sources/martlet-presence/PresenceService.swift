internal import Logging
internal import MartletConfiguration
internal import MartletDaemon
internal import MartletPresence
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// The aggregator with its admin port: runs until it is asked to stop, then hands over.
struct PresenceService: Service {
  private let configuration: Configuration
  private let logger: Logger

  init(_ configuration: Configuration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  func run() async throws {
    let node = String(UInt64.random(in: (1 << 40)..<(1 << 48)), radix: 36)
    let settings = try RedisPresenceConfiguration(configuration, node: node)
    // One loop for the aggregator, one that answers probes however busy it is.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let aggregator = PresenceAggregatorService(settings, eventLoop: group.next(), logger: logger)
    let admin: AdminServer
    do {
      admin = try await AdminServer.start(
        on: configuration.admin, group: group,
        reports: AdminServer.Reports(
          unreadiness: { aggregator.unreadiness() },
          metrics: { aggregator.statistics().map(PresenceMetrics.text) }))
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
    aggregator.start()
    logger.notice("listening", metadata: ["admin": "\(admin.address)"])
    try? await gracefulShutdown()
    logger.notice("handing over")
    try? await aggregator.stop().get()
    await admin.stop()
    try? await group.shutdownGracefully()
    logger.notice("stopped")
  }
}

package import Logging
package import MartletConfiguration
internal import ServiceLifecycle

/// A gateway as a service: runs until it is asked to stop, then drains.
package struct GatewayService: Service {
  private let configuration: Configuration
  private let file: String
  private let logger: Logger

  package init(_ configuration: Configuration, file: String, logger: Logger) {
    self.configuration = configuration
    self.file = file
    self.logger = logger
  }

  package func run() async throws {
    let (failures, failure) = AsyncStream.makeStream(of: (any Error).self)
    let server = try await GatewayServer.start(
      configuration, file: file, logger: logger, onFatal: { failure.yield($0) })
    logger.notice(
      "listening",
      metadata: ["client": "\(server.clientAddress)", "admin": "\(server.adminAddress)"])
    let fatal = await withGracefulShutdownHandler {
      await failures.first { _ in true }
    } onGracefulShutdown: {
      failure.finish()
    }
    if let fatal {
      await server.stop()
      throw fatal
    }
    await server.drain()
  }
}

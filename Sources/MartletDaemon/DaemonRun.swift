package import Logging
package import ServiceLifecycle
internal import UnixSignals

/// Runs a daemon until SIGTERM or SIGINT.
package enum DaemonRun {
  /// Runs `service`; returns when its graceful shutdown is complete.
  package static func run(_ service: any Service, logger: Logger) async throws {
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [
          ServiceGroupConfiguration.ServiceConfiguration(
            service: service, successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .cancelGroup)
        ],
        gracefulShutdownSignals: [.sigterm, .sigint],
        logger: logger))
    try await group.run()
  }
}

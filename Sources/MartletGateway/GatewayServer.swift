internal import Foundation
package import Logging
internal import MartletAccess
internal import MartletBackplane
package import MartletConfiguration
package import MartletCore
internal import MartletDaemon
internal import MartletPresence
internal import MartletTLS
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A running gateway: ports, hubs, backplane, presence.
package final class GatewayServer: Sendable {
  /// Between two looks at idle clients and expired tokens.
  private static let sweepInterval = TimeAmount.milliseconds(500)

  /// Where clients connect.
  package let clientAddress: HostAndPort
  /// Where health and metrics are.
  package let adminAddress: HostAndPort

  private let group: MultiThreadedEventLoopGroup
  private let services: GatewayServices
  private let hubs: [NIOLoopBoundBox<Hub>]
  private let listener: any Channel
  private let admin: AdminServer
  private let isDraining: DrainFlag
  private let sweeps: [RepeatedTask]
  /// Looks at the files of certificates.
  private let certificateWatch: Task<Void, Never>?

  private init(
    clientAddress: HostAndPort, group: MultiThreadedEventLoopGroup, services: GatewayServices,
    hubs: [NIOLoopBoundBox<Hub>], listener: any Channel, admin: AdminServer, isDraining: DrainFlag,
    sweeps: [RepeatedTask], certificateWatch: Task<Void, Never>?
  ) {
    self.clientAddress = clientAddress
    self.adminAddress = admin.address
    self.group = group
    self.services = services
    self.hubs = hubs
    self.listener = listener
    self.admin = admin
    self.isDraining = isDraining
    self.sweeps = sweeps
    self.certificateWatch = certificateWatch
  }

  /// Binds the ports and begins to serve; ready some moments later (`/readyz`).
  ///
  /// - Parameters:
  ///   - file: the configuration's name, for errors.
  ///   - onFatal: called on any loop when the gateway cannot go on; the process should say so and end.
  package static func start(
    _ configuration: Configuration, file: String, logger: Logger,
    onFatal: @escaping @Sendable (any Error) -> Void
  ) async throws -> GatewayServer {
    let access = try await AccessControl(configuration.auth, file: file, logger: logger)
    let loopCount = configuration.loops == 0 ? System.coreCount : configuration.loops
    let group = MultiThreadedEventLoopGroup(numberOfThreads: loopCount)
    do {
      return try await start(configuration, access, group, logger: logger, onFatal: onFatal)
    } catch {
      await access.shutdown()
      try? await group.shutdownGracefully()
      throw error
    }
  }

  private static func start(
    _ configuration: Configuration, _ access: AccessControl, _ group: MultiThreadedEventLoopGroup,
    logger: Logger, onFatal: @escaping @Sendable (any Error) -> Void
  ) async throws -> GatewayServer {
    let loops = Array(group.makeIterator())
    let incarnation = String(UInt64.random(in: (1 << 40)..<(1 << 48)), radix: 36)
    let links = try ClusterLinks(
      configuration, incarnation: incarnation, loops: loops, logger: logger, onFatal: onFatal)
    let services = GatewayServices(
      backplane: links.backplane, presence: links.presence, userQuota: links.userQuota,
      configuration: configuration,
      access: access, incarnation: incarnation, loopCount: loops.count, logger: logger)
    let hubs = loops.enumerated().map { index, loop in
      NIOLoopBoundBox.makeBoxSendingValue(
        Hub(index: index, eventLoop: loop, services: services), eventLoop: loop)
    }
    let dispatcher = GroupDispatcher(
      backplane: links.backplane,
      destinations: hubs.map { hub in
        GroupDispatcher.Destination(
          eventLoop: hub.eventLoop, received: { hub.value.received($0) },
          interrupted: { hub.value.interrupted(shard: $0) })
      })
    for hub in hubs { hub.eventLoop.execute { hub.value.attach(dispatcher) } }
    let isDraining = DrainFlag()
    let api = GatewayAPI(services: services, isDraining: { isDraining.isSet })
    let tls = try configuration.tls.map { settings in
      try TLSListener(
        TLSServerConfiguration(
          settings,
          applicationProtocols: TLSListener.applicationProtocols.filter {
            configuration.http2.isEnabled || $0 != "h2"
          }), logger: logger)
    }
    let channel = try await ClientListener(services: services, hubs: hubs, api: api, tls: tls)
      .bind(configuration.listen, group: group)
    let admin: AdminServer
    do {
      admin = try await AdminServer.start(
        on: configuration.admin, group: group,
        reports: AdminServer.Reports(
          unreadiness: { unreadiness(services, isDraining, loops[0]) },
          metrics: { GatewayMetrics.collect(services, hubs) }))
    } catch {
      try? await channel.close()
      throw error
    }
    access.start()
    links.backplane.start(delivering: dispatcher)
    links.presence.start()
    let sweeps = hubs.map { hub in
      hub.eventLoop.scheduleRepeatedTask(initialDelay: sweepInterval, delay: sweepInterval) { _ in
        hub.value.sweep(now: .now(), wallClock: Int64(Date().timeIntervalSince1970))
      }
    }
    var watch: Task<Void, Never>?
    if let tls, let interval = configuration.tls?.reloadInterval {
      watch = Task { await tls.context.watch(every: interval) }
    }
    return GatewayServer(
      clientAddress: HostAndPort(
        host: channel.localAddress?.ipAddress ?? "", port: channel.localAddress?.port ?? 0),
      group: group, services: services, hubs: hubs, listener: channel, admin: admin,
      isDraining: isDraining, sweeps: sweeps, certificateWatch: watch)
  }

  private static func unreadiness(
    _ services: GatewayServices, _ isDraining: DrainFlag, _ loop: any EventLoop
  ) -> EventLoopFuture<[String]> {
    if isDraining.isSet { return loop.makeSucceededFuture(["draining"]) }
    return services.backplane.unreadiness().and(services.presence.unreadiness())
      .map { $0 + $1 + services.access.unreadiness() }
  }

  /// Takes no new clients, tells those that are here to go elsewhere, and ends.
  package func drain() async {
    isDraining.set()
    services.logger.notice("draining")
    let duration = services.limits.drainTimeout
    services.presence.beginDrain()
    for hub in hubs { hub.eventLoop.execute { hub.value.drain(over: duration) } }
    await waitForSessions(until: .now() + duration + .seconds(3))
    await stop()
  }

  private func waitForSessions(until deadline: NIODeadline) async {
    while await openSessions() > 0, NIODeadline.now() < deadline, !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Ends at once; clients see their connections break.
  package func stop() async {
    isDraining.set()
    try? await listener.close()
    certificateWatch?.cancel()
    for sweep in sweeps { sweep.cancel() }
    for hub in hubs { hub.eventLoop.execute { hub.value.abandon() } }
    await waitForSessions(until: .now() + .seconds(3))
    try? await services.presence.stop().get()
    try? await services.backplane.stop().get()
    await services.access.shutdown()
    await admin.stop()
    try? await group.shutdownGracefully()
    services.logger.notice("stopped")
  }

  private func openSessions() async -> Int {
    var count = 0
    for hub in hubs {
      count += (try? await hub.eventLoop.submit { hub.value.sizes.sessions }.get()) ?? 0
    }
    return count
  }
}

/// Set once, when the gateway begins to stop. Any thread.
final class DrainFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  var isSet: Bool { flag.load(ordering: .relaxed) }

  func set() {
    flag.store(true, ordering: .relaxed)
  }
}

package import MartletCore
package import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// The admin port: `/healthz`, `/readyz`, `/metrics`.
package final class AdminServer: Sendable {
  /// What the port reports; all may be called on any loop.
  package struct Reports: Sendable {
    /// Empty: ready; else why not, as sentences.
    package var unreadiness: @Sendable () -> EventLoopFuture<[String]>
    /// Prometheus text.
    package var metrics: @Sendable () -> EventLoopFuture<String>

    package init(
      unreadiness: @escaping @Sendable () -> EventLoopFuture<[String]>,
      metrics: @escaping @Sendable () -> EventLoopFuture<String>
    ) {
      self.unreadiness = unreadiness
      self.metrics = metrics
    }
  }

  private let channel: any Channel

  /// Where the port was bound.
  package var address: HostAndPort {
    HostAndPort(
      host: channel.localAddress?.ipAddress ?? "", port: channel.localAddress?.port ?? 0)
  }

  private init(_ channel: any Channel) {
    self.channel = channel
  }

  /// Binds the port.
  package static func start(
    on address: HostAndPort, group: any EventLoopGroup, reports: Reports
  ) async throws -> AdminServer {
    let channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
          try channel.pipeline.syncOperations.addHandler(
            HTTPRequestHandler(bodyLimit: 0, timeout: .seconds(30)) { request, channel, _ in
              Self.answer(request, reports, channel.eventLoop).map { .response($0) }
            })
        }
      }
      .bind(address, key: "admin")
    return AdminServer(channel)
  }

  package func stop() async {
    try? await channel.close()
  }

  private static func answer(
    _ request: HTTPRequest, _ reports: Reports, _ loop: any EventLoop
  ) -> EventLoopFuture<HTTPResponse> {
    guard [.GET, .HEAD].contains(request.head.method) else {
      return loop.makeSucceededFuture(.text(.methodNotAllowed, "only GET is allowed"))
    }
    switch request.path {
    case "/healthz":
      return loop.makeSucceededFuture(.text(.ok, "ok"))
    case "/readyz":
      return reports.unreadiness().map { reasons in
        reasons.isEmpty
          ? .text(.ok, "ready")
          : .text(.serviceUnavailable, reasons.joined(separator: "\n"))
      }
    case "/metrics":
      return reports.metrics().map { text in
        HTTPResponse(
          .ok, contentType: "text/plain; version=0.0.4; charset=utf-8",
          body: ByteBuffer(string: text))
      }
    default:
      return loop.makeSucceededFuture(
        .text(.notFound, "there are /healthz, /readyz and /metrics"))
    }
  }
}

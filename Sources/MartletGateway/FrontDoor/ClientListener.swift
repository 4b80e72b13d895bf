internal import MartletCore
internal import MartletDaemon
internal import MartletHTTP2
internal import MartletTLS
internal import NIOCore
internal import NIOPosix

/// The port for clients and backends: HTTP/1.1 and HTTP/2.
struct ClientListener: Sendable {
  /// Connections that are accepted before those that are there have their turn again.
  private static let acceptsAtOnce: UInt = 16

  let services: GatewayServices
  let hubs: [NIOLoopBoundBox<Hub>]
  let api: GatewayAPI
  /// Nil: plain text.
  let tls: TLSListener?

  /// Binds the port.
  func bind(_ address: HostAndPort, group: any EventLoopGroup) async throws -> any Channel {
    try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 4_096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      // Accepted sockets have the options of the listening one.
      .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .serverChannelOption(.maxMessagesPerRead, value: Self.acceptsAtOnce)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try configure(channel) }
      }
      .bind(address, key: "listen")
  }

  private func configure(_ channel: any Channel) throws {
    guard let hub = hubs.first(where: { $0.eventLoop === channel.eventLoop })?.value else {
      preconditionFailure("a connection of a loop without hub")
    }
    let address = AddressKey(channel.remoteAddress)
    let gate = services.gate
    guard case .accepted = admit(channel, address, hub) else { return }
    channel.closeFuture.whenComplete { _ in gate.closed(address) }
    let door = FrontDoor(services: services, hub: hub, api: api)
    let limits = services.limits
    let isPlain = tls == nil
    // One turn of the loop takes no more from one client, so that a flood does not keep the others waiting. And a channel keeps
    // as many buffers as it may read in a turn.
    try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
    try channel.syncOptions?.setOption(.recvAllocator, value: ReceiveBuffers())
    if let tls { try channel.pipeline.syncOperations.addHandler(tls.makeHandler()) }
    try channel.pipeline.syncOperations.addHandler(
      ProtocolDetector(
        allowsHTTP2: limits.http2Streams > 0, isPlain: isPlain, timeout: limits.handshakeTimeout,
        handshakeEnded: { hub.counts.handshakes[$0, default: 0] += 1 }
      ) { channel, version in
        switch version {
        case .http1: try HTTP1Connection.install(on: channel, door, isPlain: isPlain)
        case .http2: try installHTTP2(on: channel, door)
        }
      })
  }

  private func admit(
    _ channel: any Channel, _ address: AddressKey?, _ hub: Hub
  ) -> ConnectionGate.Answer {
    let answer = services.gate.accept(address, now: .now())
    if case .refused(let retryAfter) = answer {
      hub.counts.connectionsRefused += 1
      if tls == nil {
        try? channel.pipeline.syncOperations.addHandler(RefusedConnection(retryAfter: retryAfter))
      } else {
        // A handshake would cost more than the connection that is refused.
        channel.close(promise: nil)
      }
    }
    return answer
  }

  private func installHTTP2(on channel: any Channel, _ door: FrontDoor) throws {
    let limits = services.limits
    var configuration = HTTP2Configuration()
    configuration.maximumConcurrentStreams = limits.http2Streams
    configuration.maximumHeaderListSize = limits.headerSize
    configuration.firstRequestTimeout = limits.handshakeTimeout
    // As long as a silent WebSocket is waited for.
    configuration.stallTimeout = limits.pingInterval + limits.pingTimeout
    let allowance = PublishAllowance(limits)
    let handler = HTTP2ServerHandler(configuration: configuration) { stream, head in
      HTTP2Exchange.accept(stream, head, door, allowance, bodyLimit: limits.bodySize)
    }
    try channel.pipeline.syncOperations.addHandler(handler)
    door.hub.opened(handler, on: channel)
  }
}

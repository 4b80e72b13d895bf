import MartletTLS
import NIOCore
import NIOPosix

/// Makes the channels of one event loop. Confined to it.
final class Connector {
  enum Version {
    case http1
    case http2
  }

  /// The caller ends an attempt that takes too long.
  private static let timeout = TimeAmount.hours(1)

  let eventLoop: any EventLoop
  private let security: ClientSecurity?
  private let shared: NIOLoopBound<SharedReceiveBuffer>

  /// - Parameter security: for targets with TLS; nil: there are none.
  init(eventLoop: any EventLoop, security: ClientSecurity?) {
    self.eventLoop = eventLoop
    self.security = security
    shared = NIOLoopBound(SharedReceiveBuffer(), eventLoop: eventLoop)
  }

  var receiveBuffer: SharedReceiveBuffer { shared.value }

  /// Connects.
  ///
  /// - Parameters:
  ///   - givesBack: the handlers give each buffer back to ``receiveBuffer``; only without TLS.
  ///   - configure: adds the handlers, behind those of TLS, before anything happens on the channel.
  ///   - failed: there is no connection, for the given reason. Comes instead of `channelActive`.
  func connect(
    _ dial: Dial, _ version: Version, givesBack: Bool = false,
    configure: @escaping (any Channel) throws -> Void, failed: @escaping (String) -> Void
  ) {
    let bound = NIOLoopBound(configure, eventLoop: eventLoop)
    let server = dial.server
    let tls = server.isSecure ? context(version) : nil
    let buffers = ReceiveBuffers(givesBack && tls == nil ? shared : nil)
    bootstrap(dial)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          // One read for each readiness: a second would nearly always find nothing.
          try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
          try channel.syncOptions?.setOption(.recvAllocator, value: buffers)
          if let tls {
            try channel.pipeline.syncOperations.addHandler(
              TLSHandler.client(tls, serverName: server.host))
          }
          try bound.value(channel)
        }
      }
      .connect(to: dial.address)
      .assumeIsolated()
      .whenFailure { error in
        // Not at once: the caller is in the middle of dialling.
        self.eventLoop.assumeIsolated().execute { failed(ConnectError.describe(error)) }
      }
  }

  private func bootstrap(_ dial: Dial) -> ClientBootstrap {
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(Self.timeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
    guard let local = dial.localAddress else { return bootstrap }
    #if os(Linux)
      // The port is chosen by connect, for this target, instead of by bind, for all of them.
      return
        bootstrap
        .channelOption(
          ChannelOptions.Types.SocketOption(level: .ip, name: Self.bindAddressNoPort), value: 1
        )
        .bind(to: local)
    #else
      return bootstrap.bind(to: local)
    #endif
  }

  /// ip(7): IP_BIND_ADDRESS_NO_PORT.
  private static let bindAddressNoPort = NIOBSDSocket.Option(rawValue: 24)

  private func context(_ version: Version) -> TLSContext {
    guard let security else { preconditionFailure("a target with TLS, and no settings for it") }
    switch version {
    case .http1: return security.http1
    case .http2: return security.http2
    }
  }
}

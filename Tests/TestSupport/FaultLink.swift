internal import Foundation
internal import NIOCore
internal import NIOPosix

/// A connection through a ``FaultProxy``: a client, a server, and a pipe each way. Confined to the
/// proxy's event loop.
final class FaultLink {
  enum Side {
    case client
    case server
  }

  /// Called once: the client has ended its direction, or the link is over.
  var onClientEnd: (() -> Void)?
  /// Called once: nothing is open any more.
  var onEnd: (() -> Void)?
  private let eventLoop: any EventLoop
  private let address: (host: String, port: Int)
  private let toServer: FaultPipe
  private let toClient: FaultPipe
  private var client: (any Channel)?
  private var server: (any Channel)?
  private var settings: FaultProxy.Settings
  private var isOpen = false
  private var hasClientSent = false
  /// The server has gone, which the client does not know yet.
  private var hasVanished = false

  init(
    _ client: any Channel, to address: (host: String, port: Int), _ settings: FaultProxy.Settings,
    _ counts: FaultListener.Counts
  ) throws {
    eventLoop = client.eventLoop
    self.client = client
    self.address = address
    self.settings = settings
    toServer = FaultPipe(client.eventLoop, counts)
    toClient = FaultPipe(client.eventLoop, counts)
    toServer.source = client
    toClient.sink = client
    toServer.onReset = { [weak self] in self?.reset() }
    toClient.onReset = { [weak self] in self?.reset() }
    try client.pipeline.syncOperations.addHandler(FaultSideHandler(self, .client))
  }

  /// Puts the settings into force.
  func apply(_ settings: FaultProxy.Settings) {
    self.settings = settings
    guard isOpen else { return }
    if settings.fault == .vanished && !hasVanished {
      hasVanished = true
      toServer.sink = nil
      toClient.source = nil
      if let server { abort(server) }
      server = nil
    }
    toServer.set(settings.fault.flowToServer, settings.toServer)
    toClient.set(settings.fault.flowToClient, settings.toClient)
    // A host that has come back knows nothing of the connection.
    if hasVanished && hasClientSent && settings.fault.flowToServer == .pass { reset() }
  }

  // MARK: Opening

  /// The client's side is open.
  func opened() {
    isOpen = true
    switch settings.fault {
    case .refuse, .reset: return reset()
    case .pass, .blackhole, .stall, .halfOpen, .vanished: apply(settings)
    }
    if !hasVanished { connect() }
  }

  private func connect() {
    let link = NIOLoopBound(self, eventLoop: eventLoop)
    ClientBootstrap(group: eventLoop)
      .channelOption(.autoRead, value: false)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(FaultSideHandler(link.value, .server))
        }
      }
      .connect(host: address.host, port: address.port).assumeIsolated().whenComplete { result in
        switch result {
        case .success(let channel): self.connected(channel)
        case .failure: self.received(.reset, from: .server)
        }
      }
  }

  private func connected(_ channel: any Channel) {
    if client == nil || hasVanished { return abort(channel) }
    server = channel
    toServer.sink = channel
    toClient.source = channel
    toServer.pump()
    toClient.pump()
  }

  // MARK: Events of the two channels

  func received(_ content: FaultQueue.Content, from side: Side) {
    switch side {
    case .client:
      hasClientSent = true
      if case .end = content { clientEnded() }
      if hasVanished && toServer.flow == .pass { return reset() }
      toServer.received(content)
    case .server:
      if !hasVanished { toClient.received(content) }
    }
  }

  func readComplete(_ side: Side) {
    side == .client ? toServer.pull() : toClient.pull()
  }

  func writable(_ side: Side) {
    side == .client ? toClient.pump() : toServer.pump()
  }

  func closed(_ side: Side) {
    switch side {
    case .client:
      client = nil
      toServer.source = nil
      toClient.sink = nil
      clientEnded()
    case .server:
      server = nil
      toServer.sink = nil
      toClient.source = nil
    }
    if client == nil && server == nil {
      toServer.stop()
      toClient.stop()
      onEnd?()
      onEnd = nil
    }
  }

  // MARK: Ends

  /// Breaks both sides off (RST).
  func reset() {
    clientEnded()
    if let client { abort(client) }
    if let server { abort(server) }
  }

  /// Closes both sides in order (FIN).
  func close() {
    clientEnded()
    client?.close(promise: nil)
    server?.close(promise: nil)
  }

  private func clientEnded() {
    onClientEnd?()
    onClientEnd = nil
  }

  private func abort(_ channel: any Channel) {
    (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
      .whenFailure { _ in }
    channel.close(promise: nil)
  }
}

/// Tells a ``FaultLink`` what one of its channels does.
private final class FaultSideHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let link: FaultLink
  private let side: FaultLink.Side
  private var hasEnded = false
  private var hasFailed = false
  private var isOutputClosed = false

  init(_ link: FaultLink, _ side: FaultLink.Side) {
    self.link = link
    self.side = side
  }

  func channelActive(context: ChannelHandlerContext) {
    if side == .client { link.opened() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    link.received(.bytes(unwrapInboundIn(data)), from: side)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    link.readComplete(side)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { link.writable(side) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event as? ChannelEvent {
    case .inputClosed?:
      hasEnded = true
      link.received(.end, from: side)
    case .outputClosed?: isOutputClosed = true
    default: break
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    // An end after our own closes the channel without an event.
    if !hasEnded {
      link.received(isOutputClosed && !hasFailed ? .end : .reset, from: side)
    }
    link.closed(side)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    hasFailed = true
    context.close(promise: nil)
  }
}

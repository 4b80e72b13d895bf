import MartletHTTP2
import NIOCore
import NIOHTTP1

/// Makes the connections of one event loop's clients, and what these share. Confined to that loop.
final class Dialer {
  private let connector: Connector
  private let pool: HTTP2Pool
  private let keys = MaskKeys()
  private let compressors = CompressorPool()

  /// - Parameter security: for targets with TLS; nil: there are none.
  init(eventLoop: any EventLoop, security: ClientSecurity?) {
    connector = Connector(eventLoop: eventLoop, security: security)
    pool = HTTP2Pool(connector)
  }

  var eventLoop: any EventLoop { connector.eventLoop }

  /// Begins a connection. It ends by the delegate being told, or by the transport's `close` or `abort`: there is no time limit.
  func dial(
    _ dial: Dial, delegate: any ClientTransportDelegate
  ) -> any ClientTransport {
    switch dial.transport {
    case .webSocket: webSocket(dial, delegate)
    case .webSocketOverHTTP2: webSocketOverHTTP2(dial, delegate)
    case .eventStream, .eventStreamOverHTTP2: eventStream(dial, delegate)
    case .poll: poll(dial, delegate)
    }
  }

  private func makeWebSocket(
    _ dial: Dial, _ delegate: any ClientTransportDelegate
  ) -> WebSocketTransport {
    WebSocketTransport(
      dial, eventLoop: connector.eventLoop, keys: keys, compressors: compressors,
      delegate: delegate)
  }

  private func webSocket(
    _ dial: Dial, _ delegate: any ClientTransportDelegate
  ) -> WebSocketTransport {
    let transport = makeWebSocket(dial, delegate)
    let stream = SocketStream(
      transport, isPlain: !dial.server.isSecure, receiveBuffer: connector.receiveBuffer)
    transport.attach(stream)
    connector.connect(dial, .http1, givesBack: true) { channel in
      try channel.pipeline.syncOperations.addHandler(stream)
    } failed: { reason in
      transport.streamDidEnd(.connectFailed(reason))
    }
    return transport
  }

  private func webSocketOverHTTP2(
    _ dial: Dial, _ delegate: any ClientTransportDelegate
  ) -> WebSocketTransport {
    let transport = makeWebSocket(dial, delegate)
    let head = HTTP2RequestHead.webSocket(
      scheme: dial.scheme, authority: dial.server.authority, path: dial.pathWithPosition,
      headers: transport.connectFields)
    transport.attach(pool.open(head, dial, owner: transport))
    return transport
  }

  private func eventStream(
    _ dial: Dial, _ delegate: any ClientTransportDelegate
  ) -> EventStreamTransport {
    let transport = EventStreamTransport(dial, connector, delegate: delegate)
    if dial.transport == .eventStreamOverHTTP2 {
      var fields = dial.fields
      fields.add(contentsOf: transport.requestFields)
      let head = HTTP2RequestHead(
        method: .GET, scheme: dial.scheme, authority: dial.server.authority, path: dial.path,
        headers: fields, endStream: true)
      transport.attach(pool.open(head, dial, owner: transport))
      return transport
    }
    let stream = HTTP1ResponseStream(
      dial.requestHead(.GET, dial.path, transport.requestFields), owner: transport)
    transport.attach(stream)
    stream.start(dial, connector)
    return transport
  }

  private func poll(_ dial: Dial, _ delegate: any ClientTransportDelegate) -> PollTransport {
    let transport = PollTransport(dial, connector, delegate: delegate)
    transport.start()
    return transport
  }
}

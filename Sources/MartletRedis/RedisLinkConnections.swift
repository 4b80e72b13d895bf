internal import MartletCore
internal import MartletTLS
internal import NIOCore

/// The connections of one attempt of a ``RedisLink``. They live and end together.
final class RedisLinkConnections {
  let main: RedisConnection
  /// Hears what has changed of that which ``main`` has read.
  let bell: RedisConnection?
  private let confirmations: ReplicaConfirmations?

  /// - Parameters:
  ///   - onMessage: nil: there is no bell.
  ///   - onClose: called, maybe twice, when one of them has closed.
  init(
    _ configuration: RedisClient.Configuration, onMessage: ((RedisValue) -> Void)?,
    onClose: @escaping (RedisLinkConnections) -> Void
  ) {
    let main = RedisConnection(replyTimeout: configuration.replyTimeout)
    self.main = main
    bell = onMessage.map {
      RedisConnection(replyTimeout: configuration.replyTimeout, onMessage: $0)
    }
    confirmations = configuration.replicaTimeout.map { ReplicaConfirmations(main, timeout: $0) }
    for connection in [main, bell] {
      connection?.onClose = { [weak self] in
        if let self { onClose(self) }
      }
    }
  }

  func open(
    to server: RedisServer, tls: TLSContext?, on eventLoop: any EventLoop
  ) -> EventLoopFuture<Void> {
    let opened = [main, bell].compactMap { $0?.open(to: server, tls: tls, on: eventLoop) }
    return EventLoopFuture.andAllSucceed(opened, on: eventLoop)
  }

  /// Whether requests can be sent.
  var isOpen: Bool { main.isOpen && bell?.isOpen != false }

  /// What TLS had to say of the server; nil if nothing.
  var failure: String? { main.failure ?? bell?.failure }

  func close() {
    main.close()
    bell?.close()
  }

  /// Sends a request with what has to precede it.
  func send(
    _ request: RedisRequest, withSource: Bool, incarnation: String,
    promise: EventLoopPromise<RedisValue>, on eventLoop: any EventLoop
  ) {
    // Both hold for the next command only; a request that asks is not tracked.
    var preface: RedisCommand?
    if request.isAsking {
      preface = ["ASKING"]
    } else if request.isTracked {
      preface = ["CLIENT", "CACHING", "YES"]
    }
    let command = request.command(withSource: withSource)
    if let confirmations {
      confirmations.send(
        command, after: preface, incarnation: incarnation, promise: promise, on: eventLoop)
    } else {
      if let preface { _ = main.reply(to: preface, on: eventLoop) }
      main.send(command, incarnation: incarnation, promise: promise)
    }
  }
}

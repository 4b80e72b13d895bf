package import Logging
package import MartletCore
package import MartletTLS
package import NIOCore

/// A client of one Redis, or of one Redis Cluster, that comes back by itself.
///
/// **Order.** Commands for keys of one slot (of a single Redis: all commands) are executed in the order in which they were
/// sent, through redirections, waiting and flushed script caches. A command that fails is not in that order.
///
/// **Failure.** A command waits for a server that can take it, for at most ``Configuration/patience``; then it fails with
/// ``RedisError/unavailable(_:)`` and was not executed. With ``RedisError/connectionLost`` it may have been.
///
/// All methods may be called on any thread; replies arrive on ``eventLoop``.
package final class RedisClient: Sendable {
  /// What distinguishes one client from another.
  package struct Configuration: Sendable {
    package var site: RedisSite
    /// What `CLIENT LIST` shows.
    package var name: String
    /// For servers with ``RedisServer/usesTLS``.
    package var tls: TLSContext?
    /// A reply that takes longer means a dead server or link; the connection is closed.
    package var replyTimeout: TimeAmount
    /// How long a command may wait to be sent, while servers are away, fail over or move slots.
    package var patience = TimeAmount.zero
    /// Between two looks whether servers are masters still.
    package var checkInterval = TimeAmount.seconds(1)
    /// Keys whose owners have to be connected for the client to count as connected.
    package var keys: [String] = []
    /// Set: commands are answered when a replica has them, or fail with ``RedisError/notReplicated`` after this.
    package var replicaTimeout: TimeAmount?
    /// Called on the loop when streams that ``RedisClient/read(_:after:count:arming:)`` has read may have changed: their keys;
    /// nil: any of them. Nil: such reads are not needed.
    package var onRing: (@Sendable (_ keys: [String]?) -> Void)?
    /// Whether an outage is logged as a warning. One client of a site is enough to say it.
    package var announcesOutages = false

    package init(site: RedisSite, name: String, replyTimeout: TimeAmount) {
      self.site = site
      self.name = name
      self.replyTimeout = replyTimeout
    }

    var hasBell: Bool { onRing != nil }

    func tls(for server: RedisServer) -> TLSContext? { server.usesTLS ? tls : nil }

    func ring(_ keys: [String]?) { onRing?(keys) }
  }

  /// The loop of all connections.
  package let eventLoop: any EventLoop
  /// Where this client connects to.
  package let site: RedisSite
  private let patience: TimeAmount
  private let router: NIOLoopBoundBox<RedisRouter>

  /// - Parameters:
  ///   - onConnect: called on `eventLoop` each time when the owners of all keys have been connected to.
  ///   - onDisconnect: called on `eventLoop` each time when that is no longer so.
  package init(
    _ configuration: Configuration, on eventLoop: any EventLoop, logger: Logger,
    onConnect: @escaping @Sendable () -> Void = {},
    onDisconnect: @escaping @Sendable () -> Void = {}
  ) {
    self.eventLoop = eventLoop
    self.site = configuration.site
    self.patience = configuration.patience
    self.router = NIOLoopBoundBox.makeBoxSendingValue(
      RedisRouter(
        configuration, eventLoop: eventLoop, logger: logger, onConnect: onConnect,
        onDisconnect: onDisconnect), eventLoop: eventLoop)
  }

  /// Starts connecting, and goes on until ``stop()``. Again: nothing happens.
  package func start() {
    if eventLoop.inEventLoop {
      router.value.start()
    } else {
      eventLoop.execute { self.router.value.start() }
    }
  }

  /// Closes the connections for good; what waits for a reply fails.
  package func stop() -> EventLoopFuture<Void> {
    eventLoop.submit { self.router.value.stop() }
  }

  // MARK: Commands

  /// Sends a command to the owner of `key`. An error reply fails the future with ``RedisError/refused(_:)``.
  package func send(_ command: RedisCommand, key: String) -> EventLoopFuture<RedisValue> {
    send(.command(command), key: key)
  }

  /// Runs a script on the owner of `keys`, which are in one slot.
  package func evaluate(
    _ script: RedisScript, keys: [String], arguments: [RedisCommand.Argument]
  ) -> EventLoopFuture<RedisValue> {
    send(
      .evaluation(RedisEvaluation(script: script, keys: keys, arguments: arguments)), key: keys[0])
  }

  /// Reads the entries of a stream after `cursor`.
  ///
  /// - Parameter arming: when there may be more later, ``Configuration/onRing`` is called once with the stream's key.
  package func read(
    _ stream: String, after cursor: String, count: Int, arming: Bool = true
  ) -> EventLoopFuture<RedisValue> {
    send(
      .command([
        "XREAD", "COUNT", .number(Int64(count)), "STREAMS", .text(stream), .text(cursor),
      ]), key: stream, isTracked: arming)
  }

  /// Reads the entries of several streams after a cursor of each; nothing rings. In a Redis Cluster they have to be of
  /// one slot.
  package func read(
    _ streams: [(key: String, cursor: String)], count: Int
  ) -> EventLoopFuture<RedisValue> {
    var command: RedisCommand = ["XREAD", "COUNT", .number(Int64(count)), "STREAMS"]
    command.arguments += streams.map { .text($0.key) }
    command.arguments += streams.map { .text($0.cursor) }
    return send(.command(command), key: streams[0].key)
  }

  private func send(
    _ body: RedisRequest.Body, key: String, isTracked: Bool = false
  ) -> EventLoopFuture<RedisValue> {
    let request = RedisRequest(
      body: body, key: key, promise: eventLoop.makePromise(of: RedisValue.self),
      deadline: .now() + patience, isTracked: isTracked)
    if eventLoop.inEventLoop {
      router.value.send(request)
    } else {
      eventLoop.execute { self.router.value.send(request) }
    }
    return request.promise.futureResult
  }

  // MARK: Health

  /// Why not all owners of keys are connected. Empty: they are. Otherwise sentences.
  package func unreadiness() -> EventLoopFuture<[String]> {
    eventLoop.submit { self.router.value.unreadiness() }
  }

  /// Makes the connection to the owner of `key` anew, because it looks healthy and is not.
  package func reconnect(ownerOf key: String, because reason: String) {
    eventLoop.execute { self.router.value.reconnect(ownerOf: key, because: reason) }
  }
}

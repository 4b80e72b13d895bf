internal import DequeModule
package import Logging
package import MartletCore
package import NIOCore

/// A connection to one Redis that comes back by itself.
///
/// Commands are executed in the order in which they were sent, also scripts whose cache was flushed
/// in between. While there is no connection commands fail at once with
/// ``RedisError/notConnected``. All methods may be called on any thread; replies arrive on ``eventLoop``.
package final class RedisClient: Sendable {
  /// What distinguishes one client from another.
  package struct Configuration: Sendable {
    package var server: RedisServer
    /// What `CLIENT LIST` shows.
    package var name: String
    /// A reply that takes longer means a dead server or link; the connection is closed.
    package var replyTimeout: TimeAmount
    package var scripts: [RedisScript]
    /// Whether an outage is logged as a warning. One client of a server is enough to say it.
    package var announcesOutages: Bool

    package init(
      server: RedisServer, name: String, replyTimeout: TimeAmount, scripts: [RedisScript] = [],
      announcesOutages: Bool = false
    ) {
      self.server = server
      self.name = name
      self.replyTimeout = replyTimeout
      self.scripts = scripts
      self.announcesOutages = announcesOutages
    }
  }

  /// The loop of the connection.
  package let eventLoop: any EventLoop
  /// What this client connects to.
  package let server: RedisServer
  private let link: NIOLoopBoundBox<RedisLink>

  /// - Parameters:
  ///   - onConnect: called on `eventLoop` each time a connection is ready for use.
  ///   - onDisconnect: called on `eventLoop` each time such a connection is lost.
  package init(
    _ configuration: Configuration, on eventLoop: any EventLoop, logger: Logger,
    onConnect: @escaping @Sendable () -> Void = {},
    onDisconnect: @escaping @Sendable () -> Void = {}
  ) {
    self.eventLoop = eventLoop
    self.server = configuration.server
    self.link = NIOLoopBoundBox.makeBoxSendingValue(
      RedisLink(
        configuration, eventLoop: eventLoop, logger: logger, onConnect: onConnect,
        onDisconnect: onDisconnect), eventLoop: eventLoop)
  }

  /// Starts connecting, and goes on until ``stop()``.
  package func start() {
    eventLoop.execute { self.link.value.start() }
  }

  /// Closes the connection for good; what waits for a reply fails.
  package func stop() -> EventLoopFuture<Void> {
    eventLoop.submit { self.link.value.stop() }
  }

  /// Sends a command. An error reply fails the future with ``RedisError/refused(_:)``.
  package func send(_ command: RedisCommand) -> EventLoopFuture<RedisValue> {
    onLoop { $0.send(command) }
  }

  /// Runs one of the configured scripts.
  package func evaluate(
    _ script: RedisScript, keys: [String], arguments: [RedisCommand.Argument]
  ) -> EventLoopFuture<RedisValue> {
    onLoop { $0.evaluate(RedisEvaluation(script: script, keys: keys, arguments: arguments)) }
  }

  private func onLoop(
    _ body: @escaping @Sendable (RedisLink) -> EventLoopFuture<RedisValue>
  ) -> EventLoopFuture<RedisValue> {
    if eventLoop.inEventLoop { return body(link.value) }
    return eventLoop.flatSubmit { body(self.link.value) }
  }
}

internal import Logging
internal import MartletCore
internal import MartletTLS
internal import NIOCore

/// A connection to one server that comes back by itself: opens it, signs in, makes sure that a master answers, and starts
/// again with jittered back-off when it is lost. Confined to its event loop.
///
/// With a bell there is a second connection: the server remembers what tracked requests read on the first, and says on
/// the second when it changes (Redis: "Client-side caching", two-connections mode).
final class RedisLink {
  /// What the owner of a link is told.
  struct Events {
    var ready: () -> Void
    /// After it was ready. Commands that waited have failed.
    var lost: () -> Void
    /// Keys that were read have changed; nil: any may have.
    var rang: (_ keys: [String]?) -> Void
  }

  private enum State {
    /// Before ``start()`` and after ``stop()``.
    case idle
    /// Connections are being opened and prepared. → ready, waiting
    case connecting(RedisLinkConnections)
    /// Commands flow. → waiting
    case ready(RedisLinkConnections, RedisIdentity)
    /// Until the next attempt. → connecting
    case waiting(Scheduled<Void>)
  }

  /// The server's invalidation messages come on this channel.
  private static let bellChannel = "__redis__:invalidate"

  let server: RedisServer
  private let configuration: RedisClient.Configuration
  private let eventLoop: any EventLoop
  private let logger: Logger
  private let events: Events
  private var state = State.idle
  private var backoff = Backoff()
  private var random = SystemRandomNumberGenerator()
  private var checking: RepeatedTask?
  /// Why there is no connection; nil while there is one, or before the first attempt has failed.
  private(set) var trouble: String?
  private var knownScripts: Set<RedisScript> = []

  init(
    to server: RedisServer, _ configuration: RedisClient.Configuration,
    eventLoop: any EventLoop, logger: Logger, events: Events
  ) {
    self.server = server
    self.configuration = configuration
    self.eventLoop = eventLoop
    self.events = events
    var logger = logger
    logger[metadataKey: "redis.server"] = "\(server)"
    self.logger = logger
  }

  // MARK: Life

  func start() {
    guard case .idle = state else { return }
    connect()
  }

  /// Closes the connections for good; what waits for a reply fails, and no event follows.
  func stop() {
    let last = state
    state = .idle
    checking?.cancel()
    switch last {
    case .idle: break
    case .connecting(let connections), .ready(let connections, _): connections.close()
    case .waiting(let timer): timer.cancel()
    }
  }

  /// Gives the connection up and makes a new one.
  func reconnect(because reason: String) {
    guard case .ready(let connections, _) = state else { return }
    lose(connections, reason)
  }

  /// Whether requests can be sent. No more while what waited on a connection that was lost is failing.
  var isReady: Bool {
    if case .ready(let connections, _) = state { connections.isOpen } else { false }
  }

  private func connect() {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let connections = RedisLinkConnections(
      configuration, onMessage: configuration.hasBell ? { bound.value.heard($0) } : nil,
      onClose: { bound.value.closed($0) })
    state = .connecting(connections)
    let attempt = NIOLoopBound(connections, eventLoop: eventLoop)
    connections.open(to: server, tls: configuration.tls(for: server), on: eventLoop)
      .flatMap { bound.value.prepare(attempt.value) }
      .whenComplete { bound.value.prepared(attempt.value, $0) }
  }

  private func prepare(
    _ connections: RedisLinkConnections
  ) -> EventLoopFuture<RedisIdentity> {
    let server = server
    let name = configuration.name
    let isCluster = configuration.site.isCluster
    let loop = eventLoop
    let bound = NIOLoopBound(connections, eventLoop: loop)
    return listen(connections).flatMap { bellID in
      let main = bound.value.main
      let hello = main.reply(to: RedisIdentity.greeting(server, name: name), on: loop)
      var further: [RedisCommand] = []
      if server.database != 0 { further.append(["SELECT", .number(Int64(server.database))]) }
      if let bellID {
        further.append(["CLIENT", "TRACKING", "ON", "REDIRECT", .number(bellID), "OPTIN"])
      }
      let replies = further.map { main.reply(to: $0, on: loop) }
      return EventLoopFuture.andAllSucceed(replies, on: loop)
        .and(hello).and(main.reply(to: RedisIdentity.question, on: loop))
    }.flatMapThrowing { replies, replication in
      try RedisIdentity(hello: replies.1, replication: replication, isCluster: isCluster)
    }
  }

  /// Prepares the bell; answers its number on the server.
  private func listen(_ connections: RedisLinkConnections) -> EventLoopFuture<Int64?> {
    guard let bell = connections.bell else { return eventLoop.makeSucceededFuture(nil) }
    let greeting = RedisIdentity.greeting(server, name: configuration.name + "-bell")
    return bell.reply(to: greeting, on: eventLoop)
      .and(bell.reply(to: ["SUBSCRIBE", .text(Self.bellChannel)], on: eventLoop))
      .map { hello, _ in RedisIdentity.clientID(hello) }
  }

  private func prepared(
    _ connections: RedisLinkConnections, _ result: Result<RedisIdentity, any Error>
  ) {
    guard case .connecting(let current) = state, current === connections else {
      return connections.close()
    }
    switch result {
    case .success(let identity):
      let wasTroubled = trouble != nil
      trouble = nil
      knownScripts.removeAll()
      state = .ready(connections, identity)
      backoff.reset()
      logger.log(
        level: wasTroubled && configuration.announcesOutages ? .notice : .debug,
        "connected to Redis")
      startChecking()
      events.ready()
    case .failure(let error):
      lose(connections, connections.failure ?? RedisIdentity.explain(error, server: server))
    }
  }

  private func closed(_ connections: RedisLinkConnections) {
    switch state {
    case .ready(let current, _) where current === connections:
      lose(connections, connections.failure ?? "the connection was closed")
    case .connecting(let current) where current === connections:
      lose(connections, connections.failure ?? "the connection was closed during sign-in")
    case .idle, .waiting, .ready, .connecting:
      break  // A former attempt's.
    }
  }

  private func lose(_ connections: RedisLinkConnections, _ reason: String) {
    let wasReady = if case .ready = state { true } else { false }
    checking?.cancel()
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    state = .waiting(
      eventLoop.scheduleTask(in: TimeAmount(backoff.next(using: &random))) {
        bound.value.connect()
      })
    connections.close()
    // Once per outage, not once per attempt.
    if trouble == nil {
      logger.log(
        level: configuration.announcesOutages ? .warning : .debug,
        "Redis is unreachable, trying again", metadata: ["error": "\(reason)"])
    }
    trouble = reason
    if wasReady { events.lost() }
  }

  // MARK: Watching

  /// A master can be demoted while its connections stay; and a bell that nobody rings looks like a quiet one.
  private func startChecking() {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let interval = configuration.checkInterval
    checking?.cancel()
    checking = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
      bound.value.check()
    }
  }

  private func check() {
    guard case .ready(let connections, let identity) = state else { return }
    let bound = NIOLoopBound((self, connections), eventLoop: eventLoop)
    _ = connections.bell?.reply(to: ["PING"], on: eventLoop)
    connections.main.reply(to: RedisIdentity.question, on: eventLoop).whenSuccess { reply in
      let (link, connections) = bound.value
      guard case .ready(let current, _) = link.state, current === connections else { return }
      do {
        guard try RedisIdentity.incarnation(reply) != identity.incarnation else { return }
        link.lose(connections, "the server has become another master")
      } catch {
        link.lose(connections, "\(error)")
      }
    }
  }

  private func heard(_ message: RedisValue) {
    // ["message", channel, keys]; null instead of keys: the whole database was flushed.
    events.rang(message.elements?.last?.elements.map { $0.compactMap(\.text) })
  }

  // MARK: Commands

  /// Sends `request` and answers the reply, error replies included; nil if the link is not ready.
  func send(_ request: RedisRequest) -> EventLoopFuture<RedisValue>? {
    guard isReady, case .ready(let connections, let identity) = state else { return nil }
    let promise = eventLoop.makePromise(of: RedisValue.self)
    let isNews = request.script.map { knownScripts.insert($0).inserted } ?? false
    connections.send(
      request, withSource: isNews, incarnation: identity.incarnation, promise: promise,
      on: eventLoop)
    return promise.futureResult
  }

  /// The server's cache of scripts was flushed.
  func forgetScripts() {
    knownScripts.removeAll()
  }

  /// ``RedisIdentity/incarnation`` of the server; nil while there is no connection.
  var incarnation: String? {
    if case .ready(_, let identity) = state { identity.incarnation } else { nil }
  }
}

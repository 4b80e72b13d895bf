internal import DequeModule
internal import Logging
internal import MartletCore
internal import NIOCore

/// A script with its keys and arguments.
struct RedisEvaluation: Sendable {
  var script: RedisScript
  var keys: [String]
  var arguments: [RedisCommand.Argument]

  /// `program` is the script's digest for EVALSHA, or its source for EVAL.
  func command(_ name: RedisCommand.Argument, program: String) -> RedisCommand {
    var command: RedisCommand = [name, .text(program), .number(Int64(keys.count))]
    command.arguments.append(contentsOf: keys.map { .text($0) })
    command.arguments.append(contentsOf: arguments)
    return command
  }
}

/// The part of a ``RedisClient`` that lives on its event loop: connects, signs in, loads scripts,
/// and starts again with jittered back-off when the connection is lost.
final class RedisLink {
  private enum State {
    /// Before ``start()`` and after ``stop()``.
    case idle
    /// A connection is being opened or prepared. → ready, waiting
    case connecting(RedisConnection?)
    /// Commands flow. `digests`: of the scripts. → waiting
    case ready(RedisConnection, digests: [RedisScript: String])
    /// Until the next attempt. → connecting
    case waiting(Scheduled<Void>)
  }

  private struct HeldEvaluation {
    var evaluation: RedisEvaluation
    var promise: EventLoopPromise<RedisValue>
  }

  private let configuration: RedisClient.Configuration
  private let eventLoop: any EventLoop
  private let logger: Logger
  private let onConnect: () -> Void
  private let onDisconnect: () -> Void
  private var state = State.idle
  private var backoff = Backoff()
  private var random = SystemRandomNumberGenerator()
  private var saidUnreachable = false
  /// Evaluations in flight; and those that wait because one in flight met a flushed script cache.
  private var evaluating = 0
  private var held: Deque<HeldEvaluation> = []
  private var holding = false

  init(
    _ configuration: RedisClient.Configuration, eventLoop: any EventLoop, logger: Logger,
    onConnect: @escaping @Sendable () -> Void, onDisconnect: @escaping @Sendable () -> Void
  ) {
    self.configuration = configuration
    self.eventLoop = eventLoop
    var logger = logger
    logger[metadataKey: "redis.server"] = "\(configuration.server)"
    logger[metadataKey: "redis.client"] = "\(configuration.name)"
    self.logger = logger
    self.onConnect = onConnect
    self.onDisconnect = onDisconnect
  }

  // MARK: Life

  func start() {
    guard case .idle = state else { return }
    connect()
  }

  func stop() {
    let last = state
    state = .idle
    switch last {
    case .idle: break
    case .connecting(let connection): connection?.close()
    case .ready(let connection, _): connection.close()
    case .waiting(let timer): timer.cancel()
    }
  }

  private func connect() {
    state = .connecting(nil)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    RedisConnection.connect(
      to: configuration.server, on: eventLoop, replyTimeout: configuration.replyTimeout,
      onClose: { bound.value.connectionClosed() }
    )
    .flatMap { bound.value.prepare($0.value) }
    .whenFailure { bound.value.connectFailed($0) }
  }

  /// Signs in and loads the scripts.
  private func prepare(_ connection: RedisConnection) -> EventLoopFuture<Void> {
    guard case .connecting = state else {
      connection.close()
      return eventLoop.makeSucceededVoidFuture()
    }
    state = .connecting(connection)
    var commands: [RedisCommand] = []
    let server = configuration.server
    if let password = server.password {
      commands.append(
        server.username.map { ["AUTH", .text($0), .text(password)] } ?? ["AUTH", .text(password)])
    }
    if server.database != 0 { commands.append(["SELECT", .number(Int64(server.database))]) }
    commands.append(["CLIENT", "SETNAME", .text(configuration.name)])
    let loads = configuration.scripts.map { script -> RedisCommand in
      ["SCRIPT", "LOAD", .text(script.source)]
    }
    let replies = (commands + loads).map { command in
      let promise = eventLoop.makePromise(of: RedisValue.self)
      connection.send(command, promise: promise)
      return promise.futureResult.flatMapThrowing(Self.accept)
    }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let scripts = configuration.scripts
    return EventLoopFuture.whenAllSucceed(replies, on: eventLoop).map { values in
      let digests = values.suffix(scripts.count).map { $0.text ?? "" }
      bound.value.becomeReady(Dictionary(uniqueKeysWithValues: zip(scripts, digests)))
    }
  }

  private func becomeReady(_ digests: [RedisScript: String]) {
    guard case .connecting(let connection?) = state else { return }
    state = .ready(connection, digests: digests)
    backoff.reset()
    logger.log(
      level: saidUnreachable && configuration.announcesOutages ? .notice : .debug,
      "connected to Redis")
    saidUnreachable = false
    onConnect()
  }

  private func connectFailed(_ error: any Error) {
    guard case .connecting(let connection) = state else { return }
    sayUnreachable("\(error)")
    scheduleReconnect()
    connection?.close()
  }

  private func connectionClosed() {
    switch state {
    case .idle, .waiting:
      break
    case .connecting:
      sayUnreachable("the connection was closed during sign-in")
      scheduleReconnect()
    case .ready:
      sayUnreachable("the connection was closed")
      evaluating = 0
      releaseHeld(failing: RedisError.connectionLost)
      scheduleReconnect()
      onDisconnect()
    }
  }

  private func scheduleReconnect() {
    let delay = backoff.next(using: &random)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    state = .waiting(
      eventLoop.scheduleTask(in: TimeAmount(delay)) { bound.value.connect() })
  }

  /// Once per outage, not once per attempt.
  private func sayUnreachable(_ reason: String) {
    guard !saidUnreachable else { return }
    saidUnreachable = true
    logger.log(
      level: configuration.announcesOutages ? .warning : .debug,
      "Redis is unreachable, trying again", metadata: ["error": "\(reason)"])
  }

  // MARK: Commands

  func send(_ command: RedisCommand) -> EventLoopFuture<RedisValue> {
    guard case .ready(let connection, _) = state else {
      return eventLoop.makeFailedFuture(RedisError.notConnected)
    }
    let promise = eventLoop.makePromise(of: RedisValue.self)
    connection.send(command, promise: promise)
    return promise.futureResult.flatMapThrowing(Self.accept)
  }

  func evaluate(_ evaluation: RedisEvaluation) -> EventLoopFuture<RedisValue> {
    let promise = eventLoop.makePromise(of: RedisValue.self)
    if holding {
      held.append(HeldEvaluation(evaluation: evaluation, promise: promise))
    } else {
      evaluate(evaluation, withSource: false, promise: promise)
    }
    return promise.futureResult.flatMapThrowing(Self.accept)
  }

  private func evaluate(
    _ evaluation: RedisEvaluation, withSource: Bool, promise: EventLoopPromise<RedisValue>
  ) {
    guard case .ready(let connection, let digests) = state,
      let digest = digests[evaluation.script]
    else { return promise.fail(RedisError.notConnected) }
    let reply = eventLoop.makePromise(of: RedisValue.self)
    evaluating += 1
    connection.send(
      withSource
        ? evaluation.command("EVAL", program: evaluation.script.source)
        : evaluation.command("EVALSHA", program: digest),
      promise: reply)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    reply.futureResult.whenComplete { result in
      bound.value.evaluated(evaluation, result, promise: promise)
    }
  }

  private func evaluated(
    _ evaluation: RedisEvaluation, _ result: Result<RedisValue, any Error>,
    promise: EventLoopPromise<RedisValue>
  ) {
    if evaluating > 0 { evaluating -= 1 }
    if case .success(.error(let message)) = result, message.hasPrefix("NOSCRIPT") {
      // The cache was flushed. Those behind this one in the pipeline fail alike; they and whatever
      // comes meanwhile are sent again in order once the pipeline is empty.
      holding = true
      held.append(HeldEvaluation(evaluation: evaluation, promise: promise))
    } else {
      promise.completeWith(result)
    }
    if holding, evaluating == 0 { releaseHeld() }
  }

  private func releaseHeld(failing error: RedisError? = nil) {
    holding = false
    var loaded: Set<RedisScript> = []
    let waiting = held
    held.removeAll()
    for item in waiting {
      if let error {
        item.promise.fail(error)
      } else {
        let isFirst = loaded.insert(item.evaluation.script).inserted
        evaluate(item.evaluation, withSource: isFirst, promise: item.promise)
      }
    }
  }

  private static func accept(_ value: RedisValue) throws -> RedisValue {
    if case .error(let message) = value { throw RedisError.refused(message) }
    return value
  }
}

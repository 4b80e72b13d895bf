internal import NIOCore

/// Answers commands only when a replica has them: a batch of commands, then one `WAIT`; what comes
/// meanwhile is the next batch. Confined to its connection's loop.
///
/// `WAIT` holds up its whole connection and confirms all writes that the connection made before it, so a batch costs one.
final class ReplicaConfirmations {
  private struct Item {
    var preface: RedisCommand?
    var command: RedisCommand
    var incarnation: String
    var promise: EventLoopPromise<RedisValue>
  }

  /// The most that may wait. All of it is the next batch, so that nothing waits for more than two of them.
  static let maximumWaiting = 20_000
  static let maximumWaitingBytes = 32 << 20

  private unowned let connection: RedisConnection
  private let timeout: TimeAmount
  private var waiting: [Item] = []
  private var waitingBytes = 0
  private var isBusy = false

  /// - Parameter timeout: after which commands fail with ``RedisError/notReplicated``.
  init(_ connection: RedisConnection, timeout: TimeAmount) {
    self.connection = connection
    self.timeout = timeout
  }

  /// - Parameter preface: is sent immediately before the command; its reply is of no interest.
  func send(
    _ command: RedisCommand, after preface: RedisCommand?, incarnation: String,
    promise: EventLoopPromise<RedisValue>, on eventLoop: any EventLoop
  ) {
    guard waiting.count < Self.maximumWaiting, waitingBytes < Self.maximumWaitingBytes else {
      return promise.fail(RedisError.overloaded)
    }
    waiting.append(
      Item(preface: preface, command: command, incarnation: incarnation, promise: promise))
    waitingBytes += command.size
    guard !isBusy else { return }
    isBusy = true
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    // After the others of this turn of the loop.
    eventLoop.execute { bound.value.sendBatch(on: eventLoop) }
  }

  private func sendBatch(on eventLoop: any EventLoop) {
    let batch = waiting
    waiting.removeAll()
    waitingBytes = 0
    isBusy = !batch.isEmpty
    guard isBusy else { return }
    let replies = batch.map { item -> EventLoopFuture<RedisValue> in
      if let preface = item.preface { _ = connection.reply(to: preface, on: eventLoop) }
      let reply = eventLoop.makePromise(of: RedisValue.self)
      connection.send(item.command, incarnation: item.incarnation, promise: reply)
      return reply.futureResult
    }
    let promises = batch.map(\.promise)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    connection.reply(to: ["WAIT", "1", .number(timeout.nanoseconds / 1_000_000)], on: eventLoop)
      .whenComplete { confirmed in
        let isConfirmed = ((try? confirmed.get())?.number ?? 0) >= 1
        for (reply, promise) in zip(replies, promises) {
          Self.answer(promise, reply, isConfirmed: isConfirmed)
        }
        bound.value.sendBatch(on: eventLoop)
      }
  }

  /// `reply` is there already: replies come in order.
  private static func answer(
    _ promise: EventLoopPromise<RedisValue>, _ reply: EventLoopFuture<RedisValue>,
    isConfirmed: Bool
  ) {
    reply.whenComplete { result in
      switch result {
      case .success(.error(let message)): promise.succeed(.error(message))
      case .success(let value) where isConfirmed: promise.succeed(value)
      case .success: promise.fail(RedisError.notReplicated)
      case .failure(let error): promise.fail(error)
      }
    }
  }
}

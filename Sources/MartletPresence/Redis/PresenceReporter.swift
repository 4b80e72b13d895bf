internal import Logging
internal import MartletBackplane
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// A gateway's reports to the shards of one site, and its leases there. Confined to its event loop.
final class PresenceReporter {
  /// Until a report that Redis refused is tried again.
  private static let retryDelay = TimeAmount.milliseconds(500)
  /// How long stopping waits for the last reports.
  private static let stopPatience = TimeAmount.seconds(2)

  private let configuration: RedisPresenceConfiguration
  private let gateway: String
  private let logger: Logger
  private var queues: [Int: ReportQueue]
  private var client: RedisClient?
  private var isConnected = false
  private var isStopping = false
  private var renewing: RepeatedTask?
  private var flushing: Scheduled<Void>?
  /// Shards whose last answer to a report was no.
  private var refusing: Set<Int> = []

  init(
    _ configuration: RedisPresenceConfiguration, gateway: String, shards: [Int], logger: Logger
  ) {
    self.configuration = configuration
    self.gateway = gateway
    self.logger = logger
    self.queues = Dictionary(
      uniqueKeysWithValues: shards.map { ($0, ReportQueue(gateway: gateway)) })
  }

  // MARK: Life

  func start(_ client: RedisClient) {
    self.client = client
    let interval = configuration.renewalInterval
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    renewing = client.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) {
      _ in bound.value.renew()
    }
    client.start()
  }

  func connected() {
    isConnected = true
    for shard in queues.keys {
      for report in queues[shard]?.reportsToRepeat() ?? [] { send(report, shard: shard) }
    }
    renew()
    flush()
  }

  func disconnected() {
    isConnected = false
  }

  /// Says goodbye to every shard, and closes the connection once they have heard.
  func stop() -> EventLoopFuture<Void>? {
    guard let client, !isStopping else { return nil }
    flush()
    isStopping = true
    renewing?.cancel()
    flushing?.cancel()
    let loop = client.eventLoop
    let sent = queues.keys.compactMap { shard -> EventLoopFuture<Void>? in
      guard queues[shard]?.isActive == true, let report = queues[shard]?.goodbye() else {
        return nil
      }
      return send(report, shard: shard)
    }
    let done = loop.makePromise(of: Void.self)
    EventLoopFuture.andAllComplete(sent, on: loop).whenComplete { _ in done.succeed() }
    let patience = loop.scheduleTask(in: Self.stopPatience) { done.succeed() }
    return done.futureResult.flatMap {
      patience.cancel()
      return client.stop()
    }
  }

  // MARK: Reports

  func join(_ session: PresenceSession, shard: Int) {
    queues[shard]?.join(session)
    scheduleFlush(in: TimeAmount(configuration.reportInterval))
  }

  func leave(_ membership: Membership, shard: Int) {
    queues[shard]?.leave(membership)
    scheduleFlush(in: TimeAmount(configuration.reportInterval))
  }

  /// - Parameter age: in milliseconds.
  func seen(_ membership: Membership, age: Int64, shard: Int) {
    queues[shard]?.seen(membership, age: age)
    scheduleFlush(in: TimeAmount(configuration.reportInterval))
  }

  func drain() {
    for shard in queues.keys { queues[shard]?.drain() }
    flush()
  }

  private func scheduleFlush(in delay: TimeAmount) {
    guard flushing == nil, isConnected, !isStopping, let client else { return }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    flushing = client.eventLoop.scheduleTask(in: delay) { bound.value.flush() }
  }

  private func flush() {
    flushing?.cancel()
    flushing = nil
    guard isConnected, !isStopping else { return }
    for shard in queues.keys {
      if queues[shard]?.awaitsRegistration == true { renew(shard) }
      for report in queues[shard]?.reportsToSend() ?? [] { send(report, shard: shard) }
    }
  }

  @discardableResult
  private func send(_ report: PresenceReport, shard: Int) -> EventLoopFuture<Void>? {
    guard let client else { return nil }
    let (kind, lines) = PresenceText.encode(report.body)
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    return client.evaluate(
      PresenceScripts.report, keys: [configuration.backplane.keyspace.reports(shard)],
      arguments: [
        .number(Int64(configuration.maximumReports)), .text(report.gateway),
        .text("\(report.sequence)"), .text(kind), .bytes(lines),
      ]
    ).map { reply in
      if reply.number == 1 {
        bound.value.queues[shard]?.acknowledged(report.sequence)
        bound.value.refusing.remove(shard)
      } else {
        bound.value.refused(report, shard: shard, reason: "too many reports wait")
      }
    }.flatMapErrorThrowing { error in
      // When the connection was lost, its loss is told after this.
      client.eventLoop.execute { bound.value.failed(report, shard: shard, error) }
    }
  }

  private func failed(_ report: PresenceReport, shard: Int, _ error: any Error) {
    // Without a connection reports wait; ``connected()`` sends them again.
    if isConnected { refused(report, shard: shard, reason: "\(error)") }
  }

  private func refused(_ report: PresenceReport, shard: Int, reason: String) {
    // Once per shard, until it takes reports again.
    if refusing.insert(shard).inserted {
      logger.warning(
        "a presence report was refused, a snapshot will follow",
        metadata: ["shard": "\(shard)", "error": "\(reason)"])
    }
    queues[shard]?.refused(report.sequence)
    scheduleFlush(in: Self.retryDelay)
  }

  // MARK: Leases

  private func renew() {
    guard isConnected, !isStopping else { return }
    for (shard, queue) in queues where queue.isActive { renew(shard) }
  }

  private func renew(_ shard: Int) {
    guard let client else { return }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    let key = configuration.backplane.keyspace.gateways(shard)
    client.send(["HINCRBY", .text(key), .text(gateway), "1"], key: key).whenSuccess { reply in
      bound.value.renewed(shard, count: reply.number ?? 0)
    }
  }

  private func renewed(_ shard: Int, count: Int64) {
    guard !isStopping else { return }
    queues[shard]?.registered(isNew: count == 1)
    for report in queues[shard]?.reportsToSend() ?? [] { send(report, shard: shard) }
  }
}

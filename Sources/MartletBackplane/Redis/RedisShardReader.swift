internal import Logging
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// Reads the streams of one server's shards with one blocking XREAD.
///
/// Cursors are concrete ids, kept over reconnects. After each connect, and when it is behind, the reader makes
/// sure that its cursors still fit the streams (``ShardPlace``), else it tells the subscriber. Confined to its
/// client's event loop.
final class RedisShardReader {
  /// The most entries that one stream gives to one reply.
  private static let maximumEntries = 1_000

  private let keyspace: RedisKeyspace
  private let shardOfKey: [String: Int]
  private let shards: [Int]
  private let node: String
  private let blockTime: TimeAmount
  /// A reply with so many entries of one stream comes from a reader that is behind.
  private let behindCount: Int
  private let onProbe: (_ shard: Int, _ number: UInt64) -> Void
  private let subscriber: any BackplaneSubscriber
  private let logger: Logger
  private var client: RedisClient?
  private var cursors: [Int: RedisStreamID] = [:]
  private var lineages: [Int: String] = [:]
  private var linger = LingerPolicy()
  /// Replies to a former connection's reads carry another number and are ignored.
  private var connection = 0

  init(
    _ configuration: RedisBackplaneConfiguration, server: Int, subscriber: any BackplaneSubscriber,
    logger: Logger, onProbe: @escaping (_ shard: Int, _ number: UInt64) -> Void
  ) {
    let keyspace = configuration.keyspace
    let shards = configuration.shards(ofServer: server)
    self.keyspace = keyspace
    self.shards = shards
    self.shardOfKey = Dictionary(
      uniqueKeysWithValues: shards.map { (keyspace.stream($0), $0) })
    self.node = configuration.node
    // A quiet stream answers in time for the client not to take the link for dead.
    self.blockTime = .nanoseconds(configuration.publishTimeout.nanoseconds / 2)
    self.behindCount = min(Self.maximumEntries, configuration.shardStreamLength / 2)
    self.subscriber = subscriber
    self.logger = logger
    self.onProbe = onProbe
  }

  func attach(_ client: RedisClient) {
    self.client = client
  }

  /// Compares lineages and the streams' ends with what was known, then reads.
  func connected() {
    connection += 1
    let current = connection
    guard let client else { return }
    let lineage = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let answers = shards.map { shard -> EventLoopFuture<[RedisValue]> in
      let stream = RedisCommand.Argument.text(keyspace.stream(shard))
      let cursor = RedisCommand.Argument.text("\(cursors[shard] ?? .zero)")
      let key = RedisCommand.Argument.text(keyspace.lineage(shard))
      _ = client.send(["SET", key, .text(lineage), "NX"])
      return EventLoopFuture.whenAllSucceed(
        [
          client.send(["GET", key]),
          client.send(["XRANGE", stream, cursor, cursor]),
          client.send(["XRANGE", stream, "-", "+", "COUNT", "1"]),
          client.send(["XREVRANGE", stream, "+", "-", "COUNT", "1"]),
        ], on: client.eventLoop)
    }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    EventLoopFuture.whenAllSucceed(answers, on: client.eventLoop).whenComplete { result in
      switch result {
      case .success(let answers):
        bound.value.place(answers.map(ShardPlace.init), of: current)
      case .failure(RedisError.refused(let message)):
        bound.value.logger.warning(
          "a shard reader was refused", metadata: ["error": "\(message)"])
        client.eventLoop.scheduleTask(in: .milliseconds(500)) {
          if bound.value.connection == current { bound.value.connected() }
        }
      case .failure:
        break  // The client reconnects and calls ``connected()``.
      }
    }
  }

  func disconnected() {
    connection += 1
  }

  private func place(_ places: [ShardPlace], of asked: Int) {
    guard asked == connection else { return }
    for (shard, place) in zip(shards, places) {
      let verdict = place.verdict(cursor: cursors[shard], lineage: lineages[shard])
      lineages[shard] = place.lineage
      cursors[shard] = verdict.cursor
      guard let interruption = verdict.interruption else { continue }
      if interruption == .otherData {
        logger.warning(
          "a shard's data are not those that were read before", metadata: ["shard": "\(shard)"])
      }
      subscriber.interrupted(shard: shard, interruption)
    }
    read()
  }

  /// A stream that is trimmed while it is read slower than it is written leaves no other trace.
  private func checkTrimming(of shard: Int, since cursor: RedisStreamID) {
    guard let client else { return }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    client.send(["XRANGE", .text(keyspace.stream(shard)), "-", "+", "COUNT", "1"])
      .whenSuccess { reply in
        guard let first = ShardPlace.entryID(reply), first > cursor else { return }
        bound.value.logger.warning(
          "a shard was read too slowly: entries are missing", metadata: ["shard": "\(shard)"])
        bound.value.subscriber.interrupted(shard: shard, .unread)
      }
  }

  private func read() {
    guard let client else { return }
    let current = connection
    var command: RedisCommand = [
      "XREAD", "COUNT", .number(Int64(Self.maximumEntries)), "BLOCK",
      .number(blockTime.nanoseconds / 1_000_000), "STREAMS",
    ]
    command.arguments += shards.map { .text(keyspace.stream($0)) }
    command.arguments += shards.map { .text("\(cursors[$0] ?? .zero)") }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    client.send(command).whenComplete { result in
      bound.value.received(result, of: current)
    }
  }

  private func received(_ result: Result<RedisValue, any Error>, of asked: Int) {
    guard asked == connection, let client else { return }
    switch result {
    case .success(let reply):
      let entries = deliver(reply)
      let wait = entries == 0 ? .zero : linger.wait(afterReceiving: entries, now: .now())
      if wait == .zero {
        read()
      } else {
        let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
        client.eventLoop.scheduleTask(in: wait) {
          if bound.value.connection == asked { bound.value.read() }
        }
      }
    case .failure(RedisError.refused(let message)):
      // Loading, out of memory, no permission: the connection is fine, the server is not.
      logger.warning("a shard read was refused", metadata: ["error": "\(message)"])
      let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
      client.eventLoop.scheduleTask(in: .milliseconds(500)) {
        if bound.value.connection == asked { bound.value.read() }
      }
    case .failure:
      break  // The client reconnects and calls ``connected()``.
    }
  }

  /// Hands the entries on and moves the cursors; answers how many entries there were.
  private func deliver(_ reply: RedisValue) -> Int {
    var total = 0
    for stream in reply.elements ?? [] {
      guard let parts = stream.elements, parts.count == 2, let key = parts[0].text,
        let shard = shardOfKey[key], let entries = parts[1].elements
      else { continue }
      total += entries.count
      if entries.count >= behindCount, let cursor = cursors[shard] {
        checkTrimming(of: shard, since: cursor)
      }
      var deliveries: [Delivery] = []
      deliveries.reserveCapacity(entries.count)
      for entry in entries {
        guard let parts = entry.elements, parts.count == 2,
          let id = parts[0].text.flatMap({ RedisStreamID($0) })
        else { continue }
        cursors[shard] = id
        switch parts[1].elements.flatMap({ $0.last?.bytes }).flatMap({ PublicationRecord($0) }) {
        case .delivery(let delivery):
          deliveries.append(delivery)
        case .probe(let node, let number):
          if node == self.node { onProbe(shard, number) }
        case nil:
          logger.error(
            "an entry of a shard stream is not a record",
            metadata: ["shard": "\(shard)", "entry": "\(id)"])
        }
      }
      if !deliveries.isEmpty { subscriber.received(deliveries, shard: shard) }
    }
    return total
  }
}

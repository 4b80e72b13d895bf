internal import Logging
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// Reads the streams of one server's shards with one blocking XREAD.
///
/// Cursors are concrete ids, kept over reconnects. If a shard's lineage has changed, Redis came back with
/// other data; if a stream's end lies before its cursor, it lost its tail: the subscriber is told.
/// Confined to its client's event loop.
final class RedisShardReader {
  /// The most entries that one stream gives to one reply.
  private static let maximumEntries = 1_000

  private let keyspace: RedisKeyspace
  private let shardOfKey: [String: Int]
  private let shards: [Int]
  private let node: String
  private let blockTime: TimeAmount
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
    let answers = shards.map { shard in
      let key = keyspace.lineage(shard)
      _ = client.send(["SET", .text(key), .text(lineage), "NX"])
      return client.send(["GET", .text(key)]).and(
        client.send(["XREVRANGE", .text(keyspace.stream(shard)), "+", "-", "COUNT", "1"]))
    }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    EventLoopFuture.whenAllSucceed(answers, on: client.eventLoop).whenComplete { result in
      switch result {
      case .success(let answers):
        bound.value.place(answers.map { Place(lineage: $0.text, end: $1) }, of: current)
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

  /// What a shard looks like after connecting.
  private struct Place {
    var lineage: String?
    var end: RedisStreamID

    init(lineage: String?, end reply: RedisValue) {
      self.lineage = lineage
      end = (reply.elements?.first?.elements?.first?.text).flatMap { RedisStreamID($0) } ?? .zero
    }
  }

  private func place(_ places: [Place], of asked: Int) {
    guard asked == connection else { return }
    for (shard, place) in zip(shards, places) {
      let known = lineages.updateValue(place.lineage ?? "", forKey: shard)
      guard let cursor = cursors[shard], let known else {
        cursors[shard] = place.end
        continue
      }
      guard known != place.lineage || place.end < cursor else { continue }
      logger.warning(
        "a shard's data are not those that were read before",
        metadata: ["shard": "\(shard)", "cursor": "\(cursor)", "end": "\(place.end)"])
      // Other data are read from their beginning; data that lost their tail, from their end.
      cursors[shard] = known != place.lineage ? .zero : place.end
      subscriber.interrupted(shard: shard)
    }
    read()
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

internal import Logging
internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// Reads the streams of one site's shards.
///
/// While it is quiet, each stream when its bell rings; a little later when rings come thick and fast, so that some gather.
/// While it is busy, all streams again and again in one write (outside a Redis Cluster, in one command), and no bell is
/// armed: a ring costs more than a read (docs/decisions/0008).
///
/// Cursors are concrete ids, kept over reconnects. When data may have changed under them, when the reader is behind, and every
/// now and then it makes sure that they still fit (``ShardPlace``), else it tells the subscriber. Confined to its client's
/// event loop.
final class RedisShardReader {
  /// The most entries of one reply.
  private static let maximumEntries = 1_000
  /// Until a read that failed is tried again.
  private static let retryDelay = TimeAmount.milliseconds(200)
  /// Streams are read this often even if no bell rings: a lost ring delays, no more.
  private static let pollInterval = TimeAmount.seconds(1)

  private struct Shard {
    var cursor: RedisStreamID?
    /// A read or a check is under way, or has failed a moment ago.
    var isBusy = false
    /// There may be something to read.
    var isRung = true
    /// Whether the cursor still fits has to be seen first.
    var isUnchecked = true
  }

  private let keyspace: RedisKeyspace
  private let node: String
  private let checkEveryPolls: Int
  /// A reply with so many entries comes to a reader that is behind.
  private let behindCount: Int
  private let shardOfKey: [String: Int]
  private let subscriber: any BackplaneSubscriber
  private let logger: Logger
  private let onProbe: (_ shard: Int, _ number: UInt64) -> Void
  private var client: RedisClient?
  private var shards: [Int: Shard]
  private var linger: LingerPolicy
  private var nextRead = NIODeadline.uptimeNanoseconds(0)
  private var isScheduled = false
  /// Reads without an answer yet, and what the others have brought since all streams were last read.
  private var outstanding = 0
  private var gathered = 0
  private var polling: RepeatedTask?
  private var polls = 0
  private var isRefused = false
  private(set) var statistics = BackplaneStatistics()

  init(
    _ configuration: RedisBackplaneConfiguration, site: Int, subscriber: any BackplaneSubscriber,
    logger: Logger, onProbe: @escaping (_ shard: Int, _ number: UInt64) -> Void
  ) {
    let keyspace = configuration.keyspace
    let shards = configuration.shards(ofSite: site)
    self.keyspace = keyspace
    self.node = configuration.node
    self.checkEveryPolls = max(
      1, Int(configuration.checkInterval.nanoseconds / Self.pollInterval.nanoseconds))
    self.behindCount = min(Self.maximumEntries, configuration.shardStreamLength / 2)
    self.shardOfKey = Dictionary(
      uniqueKeysWithValues: shards.map { (keyspace.stream($0), $0) })
    self.shards = Dictionary(uniqueKeysWithValues: shards.map { ($0, Shard()) })
    self.linger = LingerPolicy(longest: configuration.linger, streams: shards.count)
    self.subscriber = subscriber
    self.logger = logger
    self.onProbe = onProbe
  }

  func start(_ client: RedisClient) {
    self.client = client
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    polling = client.eventLoop.scheduleRepeatedTask(
      initialDelay: .zero, delay: Self.pollInterval
    ) { _ in bound.value.poll() }
  }

  func stop() {
    polling?.cancel()
    client = nil
  }

  // MARK: When to read

  /// Streams have changed; nil: whatever was known of any of them may be wrong.
  func rang(_ keys: [String]?) {
    if let keys {
      for key in keys {
        if let shard = shardOfKey[key] { shards[shard]?.isRung = true }
      }
    } else {
      for shard in shards.keys {
        shards[shard]?.isRung = true
        shards[shard]?.isUnchecked = true
      }
    }
    scheduleReads()
  }

  private func poll() {
    polls += 1
    for shard in shards.keys {
      shards[shard]?.isRung = true
      if polls % checkEveryPolls == 0 { shards[shard]?.isUnchecked = true }
    }
    scheduleReads()
  }

  private func scheduleReads() {
    guard !isScheduled, let client else { return }
    isScheduled = true
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    if nextRead <= .now() {
      // Not at once: the rings of one turn of the loop are answered by one write.
      client.eventLoop.execute { bound.value.readRung() }
    } else {
      client.eventLoop.scheduleTask(deadline: nextRead) { bound.value.readRung() }
    }
  }

  private func readRung() {
    isScheduled = false
    if linger.isBusy, outstanding == 0 {
      linger.polled(gathered)
      // Quiet again: every bell has to be armed.
      if !linger.isBusy {
        for shard in shards.keys { shards[shard]?.isRung = true }
      }
    }
    gathered = 0
    if linger.isBusy { nextRead = .now() + linger.pace }
    let readsTogether = linger.isBusy && client?.site.isCluster == false
    var together: [(shard: Int, cursor: RedisStreamID)] = []
    for (shard, state) in shards where (state.isRung || linger.isBusy) && !state.isBusy {
      shards[shard]?.isRung = false
      shards[shard]?.isBusy = true
      let cursor = state.cursor ?? .zero
      if state.isUnchecked {
        check(shard, state.cursor)
      } else if readsTogether {
        together.append((shard, cursor))
      } else {
        read(shard, after: cursor)
      }
    }
    if !together.isEmpty { read(together) }
  }

  // MARK: Reading

  /// Compares the cursor with the stream, then reads.
  private func check(_ shard: Int, _ cursor: RedisStreamID?) {
    guard let client else { return }
    shards[shard]?.isUnchecked = false
    let key = keyspace.stream(shard)
    let stream = RedisCommand.Argument.text(key)
    let place = RedisCommand.Argument.text("\(cursor ?? .zero)")
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    client.send(["XRANGE", stream, place, place], key: key)
      .and(client.send(["XREVRANGE", stream, "+", "-", "COUNT", "1"], key: key))
      .whenComplete { result in
        switch result {
        case .success((let cursorEntry, let newest)):
          bound.value.checked(shard, ShardPlace(cursorEntry: cursorEntry, newest: newest))
        case .failure(let error):
          bound.value.failed(shard, error)
        }
      }
  }

  private func checked(_ shard: Int, _ place: ShardPlace) {
    guard let state = shards[shard] else { return }
    let verdict = place.verdict(cursor: state.cursor)
    shards[shard]?.cursor = verdict.cursor
    if verdict.isInterrupted { interrupt(shard, isNew: state.cursor == nil) }
    read(shard, after: verdict.cursor)
  }

  private func interrupt(_ shard: Int, isNew: Bool = false) {
    if !isNew {
      logger.warning(
        "entries of a shard are missing, groups are compared", metadata: ["shard": "\(shard)"])
    }
    statistics.interruptions += 1
    subscriber.interrupted(shard: shard)
  }

  private func read(_ shard: Int, after cursor: RedisStreamID) {
    guard let client else { return }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    outstanding += 1
    client.read(
      keyspace.stream(shard), after: "\(cursor)", count: Self.maximumEntries,
      arming: !linger.isBusy
    )
    .whenComplete { result in
      bound.value.outstanding -= 1
      switch result {
      case .success(let reply):
        let reader = bound.value
        reader.received(reader.entries(reply)[shard] ?? [], shard: shard, after: cursor)
      case .failure(let error): bound.value.failed(shard, error)
      }
    }
  }

  /// The same of several shards with one command.
  private func read(_ places: [(shard: Int, cursor: RedisStreamID)]) {
    guard let client else { return }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    outstanding += 1
    let streams = places.map { (keyspace.stream($0.shard), "\($0.cursor)") }
    client.read(streams, count: Self.maximumEntries).whenComplete { result in
      let reader = bound.value
      reader.outstanding -= 1
      switch result {
      case .success(let reply):
        let streams = reader.entries(reply)
        for (shard, cursor) in places {
          reader.received(streams[shard] ?? [], shard: shard, after: cursor)
        }
      case .failure(let error):
        for (shard, _) in places { reader.failed(shard, error) }
      }
    }
  }

  /// Reads `[[key, entries], …]`, or null.
  private func entries(_ reply: RedisValue) -> [Int: [RedisValue]] {
    var streams: [Int: [RedisValue]] = [:]
    for stream in reply.elements ?? [] {
      guard let parts = stream.elements, parts.count == 2,
        let shard = parts[0].text.flatMap({ shardOfKey[$0] })
      else { continue }
      streams[shard] = parts[1].elements
    }
    return streams
  }

  private func received(_ entries: [RedisValue], shard: Int, after cursor: RedisStreamID) {
    shards[shard]?.isBusy = false
    isRefused = false
    if !entries.isEmpty {
      statistics.reads += 1
      statistics.entries += UInt64(entries.count)
      gathered += entries.count
      deliver(entries, shard: shard)
      let now = NIODeadline.now()
      nextRead = max(nextRead, now + linger.wait(afterReceiving: entries.count, now: now))
      if entries.count == Self.maximumEntries { shards[shard]?.isRung = true }
      if entries.count >= behindCount { checkTrimming(of: shard, since: cursor) }
    }
    if shards[shard]?.isRung == true || linger.isBusy { scheduleReads() }
  }

  private func failed(_ shard: Int, _ error: any Error) {
    guard let client else { return }
    shards[shard]?.isUnchecked = true
    if case RedisError.refused(let message) = error, !isRefused {
      // Out of memory, no permission: the connection is fine, the server is not.
      isRefused = true
      logger.warning("a shard read was refused", metadata: ["error": "\(message)"])
    }
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    client.eventLoop.scheduleTask(in: Self.retryDelay) {
      bound.value.shards[shard]?.isBusy = false
      bound.value.shards[shard]?.isRung = true
      bound.value.scheduleReads()
    }
  }

  /// A stream that is trimmed while it is read slower than it is written leaves no other trace.
  private func checkTrimming(of shard: Int, since cursor: RedisStreamID) {
    guard let client else { return }
    if cursor == .zero { return interrupt(shard) }
    let key = keyspace.stream(shard)
    let place = RedisCommand.Argument.text("\(cursor)")
    let bound = NIOLoopBound(self, eventLoop: client.eventLoop)
    client.send(["XRANGE", .text(key), place, place], key: key).whenComplete { result in
      // The cursor has moved on: who cannot see it now will never know.
      let isThere = (try? result.get())?.elements?.isEmpty == false
      if !isThere, bound.value.client != nil { bound.value.interrupt(shard) }
    }
  }

  /// Hands the entries on and moves the cursor.
  private func deliver(_ entries: [RedisValue], shard: Int) {
    var deliveries: [Delivery] = []
    deliveries.reserveCapacity(entries.count)
    for entry in entries {
      guard let parts = entry.elements, parts.count == 2,
        let id = parts[0].text.flatMap({ RedisStreamID($0) })
      else { continue }
      shards[shard]?.cursor = id
      switch PublicationRecord(entry: entry) {
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
}

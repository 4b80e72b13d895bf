internal import Logging
internal import MartletCore
internal import NIOCore

/// Keeps asking nodes of a Redis Cluster who owns which slots: any one that answers will do, since those that know less
/// are corrected by redirections. Confined to its event loop.
final class RedisDiscovery {
  /// Between two questions when nothing is wrong.
  private static let interval = TimeAmount.seconds(10)
  /// Between two questions when something is.
  private static let hurriedInterval = TimeAmount.milliseconds(100)
  /// A node that takes longer is passed over.
  private static let patience = TimeAmount.seconds(1)
  /// How many nodes are asked at once: some may be dead.
  private static let breadth = 3

  private let configuration: RedisClient.Configuration
  private let eventLoop: any EventLoop
  private let logger: Logger
  private let seeds: [RedisServer]
  private var nodes: [HostAndPort] = []
  private var onTopology: ((RedisTopology) -> Void)?
  private var timer: Scheduled<Void>?
  private var isHurried = false
  private var questions: [RedisConnection] = []
  private var round = 0
  private var asked = NIODeadline.uptimeNanoseconds(0)
  /// Why the owners of slots are not known; nil if they are.
  private(set) var trouble: String? = "the Redis Cluster has not answered yet"

  init(_ configuration: RedisClient.Configuration, eventLoop: any EventLoop, logger: Logger) {
    self.configuration = configuration
    self.eventLoop = eventLoop
    self.logger = logger
    self.seeds =
      switch configuration.site {
      case .server(let server): [server]
      case .cluster(let seeds): seeds
      }
  }

  /// - Parameter onTopology: called with each answer.
  func start(_ onTopology: @escaping (RedisTopology) -> Void) {
    self.onTopology = onTopology
    ask()
  }

  func stop() {
    onTopology = nil
    timer?.cancel()
    for question in questions { question.close() }
  }

  /// Something does not fit what is known: asks soon.
  func hurry() {
    guard onTopology != nil, !isHurried else { return }
    isHurried = true
    guard questions.isEmpty else { return }
    schedule(in: .now() - asked > Self.hurriedInterval ? .zero : Self.hurriedInterval)
  }

  private func schedule(in delay: TimeAmount) {
    timer?.cancel()
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timer = eventLoop.scheduleTask(in: delay) { bound.value.ask() }
  }

  private func ask() {
    guard onTopology != nil, questions.isEmpty else { return }
    isHurried = false
    asked = .now()
    round += 1
    let current = round
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    for server in candidates() {
      let connection = RedisConnection(replyTimeout: Self.patience)
      questions.append(connection)
      let question = NIOLoopBound(connection, eventLoop: eventLoop)
      ask(server, question).whenComplete { result in
        bound.value.answered(result, of: server, question.value, round: current)
        question.value.close()
      }
    }
  }

  /// Nodes in turn; the seeds too, since every known node may have another address by now.
  private func candidates() -> ArraySlice<RedisServer> {
    let all = nodes.map { configuration.site.account.node(at: $0) }
    let others = seeds.filter { seed in !nodes.contains(seed.address) }
    let known = (all + others).shuffled()
    return known.prefix(Self.breadth)
  }

  private func ask(
    _ server: RedisServer, _ connection: NIOLoopBound<RedisConnection>
  ) -> EventLoopFuture<RedisTopology> {
    let loop = eventLoop
    let name = configuration.name + "-discovery"
    return connection.value.open(to: server, tls: configuration.tls(for: server), on: loop).flatMap
    {
      let greeting = connection.value.reply(
        to: RedisIdentity.greeting(server, name: name), on: loop)
      return greeting.and(connection.value.reply(to: ["CLUSTER", "SLOTS"], on: loop))
    }.flatMapThrowing { _, slots in
      guard let topology = RedisTopology(slots, from: server.address) else {
        throw RedisError.unexpectedReply("CLUSTER SLOTS")
      }
      return topology
    }
  }

  private func answered(
    _ result: Result<RedisTopology, any Error>, of server: RedisServer,
    _ question: RedisConnection, round asked: Int
  ) {
    guard onTopology != nil, asked == round else { return }
    switch result {
    case .success(let topology) where !topology.nodes.isEmpty:
      trouble = nil
      nodes = topology.nodes
      finishRound()
      onTopology?(topology)
    case .success:
      fail("the Redis Cluster at \(server) serves no slots yet", question)
    case .failure(let error):
      let reason = question.failure ?? RedisIdentity.explain(error, server: server)
      fail("no answer of the Redis Cluster at \(server): \(reason)", question)
    }
  }

  private func fail(_ reason: String, _ question: RedisConnection) {
    if nodes.isEmpty {
      if configuration.announcesOutages, trouble != reason {
        logger.warning(
          "the Redis Cluster is unreachable, trying again", metadata: ["error": "\(reason)"])
      }
      trouble = reason
    }
    questions.removeAll { $0 === question }
    guard questions.isEmpty else { return }
    isHurried = true
    finishRound()
  }

  private func finishRound() {
    round += 1
    for question in questions { question.close() }
    questions.removeAll()
    schedule(in: isHurried ? Self.hurriedInterval : Self.interval)
  }
}

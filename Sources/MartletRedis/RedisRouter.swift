internal import DequeModule
internal import Logging
internal import MartletCore
internal import NIOCore

/// The part of a ``RedisClient`` that lives on its event loop: knows which node owns which slot, and gets each request to
/// it in order, through redirections, fail-overs, resharding and outages.
final class RedisRouter {
  /// The most that may wait for a node.
  private static let maximumHeld = 20_000
  private static let maximumHeldBytes = 64 << 20
  /// Nodes that send a request back and forth are given time to agree.
  private static let maximumRedirections = 3
  /// How long a link is kept that leads to no owner of a slot (any more): a slot may be on its way there, or answers
  /// from there to here.
  private static let spareLifetime = TimeAmount.seconds(10)
  /// Between two attempts of what a server could not take.
  private static let retryDelay = TimeAmount.milliseconds(20)

  private let configuration: RedisClient.Configuration
  private let eventLoop: any EventLoop
  private let logger: Logger
  private let onConnect: () -> Void
  private let onDisconnect: () -> Void
  private let discovery: RedisDiscovery?
  /// The slots that have to have an owner for the site to be connected.
  private let slots: Set<UInt16>
  private var topology = RedisTopology()
  private var links: [HostAndPort: RedisLink] = [:]
  private var lanes: [UInt16: RedisLane] = [:]
  /// Nodes with links that own no slot that matters, and when they were last known to be of use.
  private var spares: [HostAndPort: NIODeadline] = [:]
  private var held = 0
  private var heldBytes = 0
  private var ticking: RepeatedTask?
  /// What a connection refuses at once ends while others are being released.
  private var isReleasing = false
  private var isRunning = false
  private var isStopped = false
  private var wasConnected = false

  init(
    _ configuration: RedisClient.Configuration, eventLoop: any EventLoop, logger: Logger,
    onConnect: @escaping @Sendable () -> Void, onDisconnect: @escaping @Sendable () -> Void
  ) {
    self.configuration = configuration
    self.eventLoop = eventLoop
    var logger = logger
    logger[metadataKey: "redis.client"] = "\(configuration.name)"
    self.logger = logger
    self.onConnect = onConnect
    self.onDisconnect = onDisconnect
    self.slots = Set(configuration.keys.map { RedisSlot.of(key: $0) })
    self.discovery =
      configuration.site.isCluster
      ? RedisDiscovery(configuration, eventLoop: eventLoop, logger: logger) : nil
  }

  // MARK: Life

  func start() {
    guard !isRunning, !isStopped else { return }
    isRunning = true
    if let discovery {
      let bound = NIOLoopBound(self, eventLoop: eventLoop)
      discovery.start { bound.value.discovered($0) }
    } else {
      adjustLinks()
    }
  }

  func stop() {
    isRunning = false
    isStopped = true
    discovery?.stop()
    ticking?.cancel()
    ticking = nil
    for link in links.values { link.stop() }
    links.removeAll()
    for slot in lanes.keys {
      for request in lanes[slot]?.expire(now: .distantFuture) ?? [] {
        request.promise.fail(RedisError.unavailable("the connection to Redis is being closed"))
      }
    }
  }

  // MARK: Requests

  /// Sends a request to the owner of its key's slot.
  func send(_ request: RedisRequest) {
    guard isRunning else {
      return request.promise.fail(RedisError.unavailable("not connected to Redis"))
    }
    let slot = slot(of: request.key)
    let request = lanes[slot, default: RedisLane()].admit(request)
    if lanes[slot]?.isHolding == true {
      hold(request, in: slot)
    } else {
      transmit(request, in: slot)
    }
  }

  /// A single server has one lane for everything.
  private func slot(of key: String) -> UInt16 {
    discovery == nil ? 0 : RedisSlot.of(key: key)
  }

  private func owner(of slot: UInt16) -> HostAndPort? {
    if case .server(let server) = configuration.site { return server.address }
    return topology.owner(of: slot)
  }

  /// - Returns: whether it was sent. If not, its lane holds it.
  @discardableResult
  private func transmit(_ request: RedisRequest, in slot: UInt16) -> Bool {
    let address = request.asked ?? owner(of: slot)
    guard let address, let reply = link(to: address).send(request) else {
      lanes[slot]?.hold(until: .now())
      hold(request, in: slot)
      return false
    }
    lanes[slot]?.departs()
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    reply.whenComplete { result in
      bound.value.replied(request, in: slot, from: address, result)
    }
    return true
  }

  private func replied(
    _ request: RedisRequest, in slot: UInt16, from address: HostAndPort,
    _ result: Result<RedisValue, any Error>
  ) {
    if case .success(.error(let message)) = result {
      reply(RedisErrorReply(message, from: address), message, to: request, in: slot, from: address)
    } else {
      lanes[slot]?.ends(request)
      request.promise.completeWith(result)
      if request.isTracked, request.isAsking { ringLater(request.key) }
    }
    if lanes[slot]?.isHolding == true { release(slot) }
  }

  private func reply(
    _ reply: RedisErrorReply, _ message: String, to request: RedisRequest, in slot: UInt16,
    from address: HostAndPort
  ) {
    var request = request
    request.asked = nil
    var pause = TimeAmount.zero
    var isPutOff = false
    switch reply {
    case .refusal:
      lanes[slot]?.ends(request)
      return request.promise.fail(RedisError.refused(message))
    case .moved(let slot, let owner):
      request.redirections += 1
      move(slot, to: owner)
    case .ask(let owner):
      request.redirections += 1
      request.asked = owner
      spares[owner] = .now()
    case .unknownScript:
      links[address]?.forgetScripts()
      // Of a lane that has sent to the same server, what is new must not come behind the source that this one sends.
      for slot in lanes.keys where lanes[slot]?.isIdle == false { lanes[slot]?.hold(until: .now()) }
    case .later:
      pause = Self.retryDelay
      isPutOff = true
      discovery?.hurry()
    case .demoted:
      pause = Self.retryDelay
      isPutOff = true
      links[address]?.reconnect(because: "the server is no master any more")
      discovery?.hurry()
    }
    if request.redirections > Self.maximumRedirections { pause = Self.retryDelay }
    // What can go on at once does, however impatient.
    guard pause == .zero || request.deadline > .now() else {
      lanes[slot]?.ends(request, isPutOff: isPutOff)
      return request.promise.fail(RedisError.unavailable(message))
    }
    lanes[slot]?.comesBack(request, until: .now() + pause, isPutOff: isPutOff)
    count(request, 1)
    startTicking()
  }

  /// What was read after ASKING is watched by nobody.
  private func ringLater(_ key: String) {
    let configuration = configuration
    eventLoop.scheduleTask(in: Self.retryDelay) { configuration.ring([key]) }
  }

  // MARK: Waiting

  private func hold(_ request: RedisRequest, in slot: UInt16) {
    guard request.deadline > .now() else { return request.promise.fail(trouble(of: slot)) }
    guard held < Self.maximumHeld, heldBytes < Self.maximumHeldBytes else {
      return request.promise.fail(RedisError.overloaded)
    }
    lanes[slot]?.waits(request)
    count(request, 1)
    startTicking()
  }

  private func count(_ request: RedisRequest, _ number: Int) {
    held += number
    heldBytes += number * request.size
  }

  /// Sends again what was held, if all that was sent before has ended.
  private func release(_ slot: UInt16) {
    guard !isReleasing, lanes[slot]?.canRelease(now: .now()) == true else { return }
    // Without a connection there is no use in trying; what asks for another node is tried in any case.
    guard let owner = owner(of: slot), links[owner]?.isReady == true else { return }
    isReleasing = true
    var isStopped = false
    for request in lanes[slot]?.release() ?? [] {
      count(request, -1)
      if isStopped {
        hold(request, in: slot)
      } else {
        isStopped = !transmit(request, in: slot)
      }
    }
    isReleasing = false
  }

  private func releaseAll() {
    for slot in Array(lanes.keys) where lanes[slot]?.isHolding == true { release(slot) }
  }

  /// While something is held: tries again, and lets go what has waited too long.
  private func startTicking() {
    guard ticking == nil, isRunning else { return }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    ticking = eventLoop.scheduleRepeatedTask(
      initialDelay: Self.retryDelay, delay: Self.retryDelay
    ) { _ in bound.value.tick() }
  }

  private func tick() {
    releaseAll()
    let now = NIODeadline.now()
    for slot in Array(lanes.keys) where lanes[slot]?.isHolding == true {
      for request in lanes[slot]?.expire(now: now) ?? [] {
        count(request, -1)
        request.promise.fail(trouble(of: slot))
      }
    }
    guard held == 0 else { return }
    ticking?.cancel()
    ticking = nil
  }

  private func trouble(of slot: UInt16) -> RedisError {
    guard let owner = owner(of: slot) else {
      return .unavailable(discovery?.trouble ?? "no node of the Redis Cluster owns slot \(slot)")
    }
    if let link = links[owner], link.isReady {
      return .unavailable("slot \(slot) is being moved, or Redis \(owner) is not ready for it")
    }
    return .unavailable("no connection to Redis \(owner)")
  }

  // MARK: Topology

  private func discovered(_ topology: RedisTopology) {
    let before = self.topology
    self.topology = topology
    for slot in Array(lanes.keys) where before.owner(of: slot) != topology.owner(of: slot) {
      // What is in flight to the former owner comes first.
      lanes[slot]?.hold(until: .now())
    }
    adjustLinks()
    releaseAll()
    if before != topology { configuration.ring(nil) }
    noteConnection()
    // The cluster may not have replaced who is dead yet.
    if !isConnected { discovery?.hurry() }
  }

  private func move(_ slot: UInt16, to owner: HostAndPort) {
    guard topology.owner(of: slot) != owner else { return }
    topology.move(slot, to: owner)
    _ = link(to: owner)
    discovery?.hurry()
    configuration.ring(nil)
    noteConnection()
  }

  /// One link to each owner of a slot that matters; none to others for long.
  private func adjustLinks() {
    let slots = self.slots.union(lanes.keys)
    let owners =
      discovery == nil ? Set([owner(of: 0)]) : Set(slots.map { owner(of: $0) })
    for address in owners.compactMap(\.self) {
      _ = link(to: address)
      spares[address] = nil
    }
    let now = NIODeadline.now()
    for (address, link) in links where !owners.contains(address) {
      let lastUse = spares[address] ?? now
      spares[address] = lastUse
      if now - lastUse >= Self.spareLifetime {
        spares[address] = nil
        links[address] = nil
        link.stop()
      }
    }
  }

  private func link(to address: HostAndPort) -> RedisLink {
    if let link = links[address] { return link }
    let server = configuration.site.account.node(at: address)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let link = RedisLink(
      to: server, configuration, eventLoop: eventLoop, logger: logger,
      events: RedisLink.Events(
        ready: { bound.value.linkChanged() }, lost: { bound.value.linkChanged() },
        rang: { bound.value.configuration.ring($0) }))
    links[address] = link
    link.start()
    return link
  }

  private func linkChanged() {
    guard isRunning else { return }
    noteConnection()
    releaseAll()
    if !isConnected { discovery?.hurry() }
    // What was read before the loss is watched by nobody.
    configuration.ring(nil)
  }

  // MARK: Connection

  /// Whether every slot that matters has an owner to which there is a connection.
  private var isConnected: Bool {
    let wanted = discovery == nil ? [0] : slots
    return wanted.allSatisfy { slot in
      owner(of: slot).flatMap { links[$0] }?.isReady == true
    }
  }

  private func noteConnection() {
    let isConnected = isConnected
    guard isConnected != wasConnected else { return }
    wasConnected = isConnected
    if isConnected { onConnect() } else { onDisconnect() }
  }

  /// Why the site is not connected. Sentences; empty if it is.
  func unreadiness() -> [String] {
    let wanted = discovery == nil ? [0] : slots
    var reasons: Set<String> = []
    for slot in wanted {
      guard let owner = owner(of: slot) else {
        reasons.insert(discovery?.trouble ?? "a slot of the Redis Cluster has no owner")
        continue
      }
      let link = links[owner]
      guard link?.isReady != true else { continue }
      let reason = link?.trouble.map { ": \($0)" } ?? ""
      reasons.insert("no connection to Redis \(owner)\(reason)")
    }
    return reasons.sorted()
  }

  /// Makes the connection to a key's owner anew: it looks healthy, and is not.
  func reconnect(ownerOf key: String, because reason: String) {
    guard let owner = owner(of: slot(of: key)) else { return }
    links[owner]?.reconnect(because: reason)
  }
}

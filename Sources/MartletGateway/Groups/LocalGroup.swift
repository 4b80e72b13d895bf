internal import MartletBackplane
internal import MartletCore
internal import MartletProtocol
internal import MartletWebSocket
internal import NIOCore

/// A group as one event loop knows it: its members here, and where their stream is.
final class LocalGroup {
  /// A member that sees the live stream.
  private struct Member {
    var subscription: Subscription
    var transport: any SessionTransport
    /// Publications up to this offset are already known to it.
    var seen: UInt64
  }

  /// A member whose join is under way: deliveries wait until it is known where it begins.
  private struct Joiner {
    var subscription: Subscription
    var waiting: [Delivery] = []
    /// The stream broke meanwhile: its answer is out of date.
    var isStale = false
  }

  /// What became of ``finishJoin(_:recovery:introduce:)``.
  enum JoinResult {
    case joined
    /// The answer does not fit the stream any more: ask again.
    case askAgain
    /// The session has closed meanwhile.
    case gone
  }

  let name: GroupName
  /// Completes when the dispatcher sends this loop the group's deliveries.
  let interest: EventLoopFuture<Void>
  private unowned let hub: Hub
  private var stream = GroupStream()
  private var members: ContiguousArray<Member> = []
  private var joiners: [Joiner] = []

  init(name: GroupName, interest: EventLoopFuture<Void>, hub: Hub) {
    self.name = name
    self.interest = interest
    self.hub = hub
  }

  /// Up to where a member has been sent everything; nil for who is none. Whoever has just joined may be further than the stream.
  func position(of subscription: Subscription) -> Position? {
    guard let index = subscription.memberIndex, let position = stream.position else { return nil }
    return Position(epoch: position.epoch, offset: max(position.offset, members[index].seen))
  }

  /// Whether nobody is here and nobody is about to be.
  var isEmpty: Bool { members.isEmpty && joiners.isEmpty }

  // MARK: Members

  /// What the backplane would say to whoever joins now, if that is known here: everything that comes later will be delivered.
  ///
  /// However many come to a group that has members here, the backplane is not asked again.
  func recovery(since: Position?) -> Recovery? {
    guard let position = stream.livePosition, since == nil || since == position else { return nil }
    return Recovery(position: position, missed: since.map { _ in [] })
  }

  func beginJoin(_ subscription: Subscription) {
    joiners.append(Joiner(subscription: subscription))
  }

  /// Makes a joining session a member.
  ///
  /// - Parameter introduce: sends the session its first frame; called before any publication.
  func finishJoin(
    _ subscription: Subscription, recovery: Recovery, introduce: () -> Void
  ) -> JoinResult {
    guard let session = subscription.session,
      let index = joiners.firstIndex(where: { $0.subscription === subscription })
    else { return .gone }
    if let position = stream.position, position.epoch != recovery.position.epoch {
      joiners[index].isStale = true
      perform(stream.interrupted())
    }
    if joiners[index].isStale || !isCovered(joiners[index], from: recovery.position) {
      joiners[index].isStale = false
      joiners[index].waiting.removeAll()
      return .askAgain
    }
    let joiner = joiners.remove(at: index)
    introduce()
    let seen = recovery.position.offset
    var member = Member(subscription: subscription, transport: session.transport, seen: 0)
    if let missed = recovery.missed, !missed.isEmpty {
      // A recovered publication may exclude its own sender's connection, which is gone: `seen: 0`.
      var batch = FramedBatch(missed, hub.compressors)
      send(&batch, to: member)
    }
    member.seen = seen
    if !joiner.waiting.isEmpty {
      var batch = FramedBatch(joiner.waiting, hub.compressors)
      send(&batch, to: member)
    }
    guard subscription.session != nil else { return .gone }
    let lastWaiting = joiner.waiting.last { $0.position != nil }?.position?.offset ?? 0
    member.seen = max(seen, lastWaiting)
    subscription.memberIndex = members.count
    members.append(member)
    perform(stream.established(at: recovery.position))
    return .joined
  }

  /// Whether everything after `position` has waited for the joiner or is still to come. Not so if another
  /// member's later answer began the stream meanwhile.
  private func isCovered(_ joiner: Joiner, from position: Position) -> Bool {
    guard let current = stream.position, current.offset > position.offset else { return true }
    let first = joiner.waiting.lazy.compactMap { $0.position?.offset }.first
    return first.map { $0 <= position.offset + 1 } ?? false
  }

  func remove(_ subscription: Subscription) {
    if let index = subscription.memberIndex {
      subscription.memberIndex = nil
      let last = members.removeLast()
      if index < members.count {
        members[index] = last
        last.subscription.memberIndex = index
      }
    } else {
      joiners.removeAll { $0.subscription === subscription }
    }
  }

  // MARK: Stream

  func received(_ deliveries: [Delivery]) {
    perform(stream.received(deliveries))
  }

  func interrupted() {
    // Their answers may be older than the interruption.
    for index in joiners.indices { joiners[index].isStale = true }
    perform(stream.interrupted())
  }

  func repaired(_ recovery: Recovery?) {
    perform(stream.repaired(recovery))
  }

  private func perform(_ actions: [GroupStream.Action]) {
    for action in actions {
      switch action {
      case .deliver(let deliveries):
        deliver(deliveries)
      case .resync(let position, let reason):
        hub.counts.resyncs += UInt64(members.count)
        let text = ServerFrame.resync(group: name, position: position, reason: reason)
        for index in members.indices { members[index].seen = 0 }
        for member in members { member.transport.send(text: text, position: position) }
        for index in joiners.indices { joiners[index].isStale = true }
      case .repair(let position):
        hub.counts.repairs += 1
        hub.repair(self, since: position)
      }
    }
  }

  /// The hot path: framed once, then one write per member.
  private func deliver(_ deliveries: [Delivery]) {
    for index in joiners.indices where !joiners[index].isStale {
      joiners[index].waiting.append(contentsOf: deliveries)
      if joiners[index].waiting.count > GroupStream.maximumBacklog {
        joiners[index].waiting.removeAll()
        joiners[index].isStale = true
      }
    }
    guard !members.isEmpty else { return }
    if let first = deliveries.first(where: { $0.continues != nil }) { resyncAhead(of: first) }
    var batch = FramedBatch(deliveries, hub.compressors)
    // A full queue closes its session, which leaves `members`; the loop goes over the old value.
    for member in members { send(&batch, to: member) }
  }

  /// An epoch goes on where the one before was cut off: who was told of more of that, at its join, has seen what there is not.
  private func resyncAhead(of delivery: Delivery) {
    guard let former = delivery.continues, let next = delivery.position else { return }
    let position = Position(epoch: former, offset: next.offset - 1)
    var ahead: [any SessionTransport] = []
    for index in members.indices where members[index].seen > position.offset {
      members[index].seen = position.offset
      ahead.append(members[index].transport)
    }
    guard !ahead.isEmpty else { return }
    hub.counts.resyncs += UInt64(ahead.count)
    let text = ServerFrame.resync(group: name, position: position, reason: .epochChanged)
    for transport in ahead { transport.send(text: text, position: position) }
  }

  @inline(__always)
  private func send(_ batch: inout FramedBatch, to member: Member) {
    let transport = member.transport
    let isCongested = transport.isCongested
    if batch.isWhole(after: member.seen, droppingEphemeral: isCongested) {
      transport.send(batch.whole(transport.format))
      hub.counts.deliveries += UInt64(batch.count)
    } else {
      let part = batch.part(
        transport.format, after: member.seen,
        for: member.subscription.session?.connectionID ?? "", droppingEphemeral: isCongested)
      hub.counts.droppedEphemeral += UInt64(part.dropped)
      guard part.count > 0 else { return }
      transport.send(part.frames)
      hub.counts.deliveries += UInt64(part.count)
    }
  }
}

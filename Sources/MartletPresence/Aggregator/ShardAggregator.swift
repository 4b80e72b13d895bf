internal import MartletCore
internal import NIOCore

/// Turns the reports of one shard into members and diffs: the state, its timer, and one commit at a time.
/// Confined to its event loop.
final class ShardAggregator {
  /// Between two looks at the clock while a deadline is ahead; see ``PresenceClock``.
  private static let longestRest = TimeAmount.milliseconds(500)
  /// So that deadlines that are close to each other are met together.
  private static let shortestRest = TimeAmount.milliseconds(10)
  /// Notices without an answer.
  private static let maximumNotices = 256

  /// What was done since the aggregator began.
  struct Counters: Equatable, Sendable {
    var reportsApplied = 0
    var diffsSent = 0
    var diffsCoalesced = 0
    var gatewaysReaped = 0
    var sessionsReaped = 0
  }

  private(set) var state: PresenceState
  private let eventLoop: any EventLoop
  private let store: any PresenceStore
  private let wallClock: () -> Int64
  private let onFailure: (any Error) -> Void
  private var applied = Counters()
  private var lastCommit: EventLoopFuture<Void>
  private var commits = 0
  private var noticesUnderWay = 0
  /// What follows from answers to notices; is committed with the next steps.
  private var answers: [PresenceStep] = []
  private var timer: Scheduled<Void>?
  private var isEnded = false

  /// - Parameters:
  ///   - wallClock: milliseconds since 1970, by the clock that reports are dated with.
  ///   - onFailure: called once when a commit fails; the aggregator has ended then.
  init(
    _ state: PresenceState, store: any PresenceStore, on eventLoop: any EventLoop,
    wallClock: @escaping () -> Int64, onFailure: @escaping (any Error) -> Void = { _ in }
  ) {
    self.state = state
    self.store = store
    self.eventLoop = eventLoop
    self.wallClock = wallClock
    self.onFailure = onFailure
    self.lastCommit = eventLoop.makeSucceededVoidFuture()
  }

  var counters: Counters {
    var counters = applied
    counters.diffsSent += state.rosters.counters.diffs
    counters.diffsCoalesced += state.rosters.counters.coalesced
    return counters
  }

  /// Something that was reported, and when: milliseconds since 1970.
  enum Input {
    case report(PresenceReport, Int64)
    case choice(UserStatus, HomeUser, Int64)
  }

  /// Applies `inputs`; the future succeeds when they are committed.
  ///
  /// - Parameter cursor: of the last one.
  func apply(_ inputs: [Input], cursor: String? = nil) -> EventLoopFuture<Void> {
    let now = Self.now
    var steps: [PresenceStep] = []
    for input in inputs {
      switch input {
      case .report(let report, let time):
        applied.reportsApplied += 1
        steps += state.apply(report, PresenceMoment(now: now, wallClock: time))
      case .choice(let status, let user, let time):
        steps += state.choose(status, for: user, PresenceMoment(now: now, wallClock: time))
      }
    }
    return commit(steps, cursor: cursor)
  }

  /// Removes a gateway whose lease ran out.
  ///
  /// - Parameter lease: how long ago it was heard of last.
  func reap(_ gateway: String, lease: Duration) {
    applied.gatewaysReaped += 1
    let before = state.membershipCount
    let (seconds, attoseconds) = lease.components
    let time = wallClock() - seconds * 1_000 - attoseconds / 1_000_000_000_000_000
    let steps = state.removeGateway(gateway, PresenceMoment(now: Self.now, wallClock: time))
    applied.sessionsReaped += before - state.membershipCount
    _ = commit(steps, cursor: nil)
  }

  /// Commits what loading the state brought with it, and begins to watch deadlines.
  func begin(with steps: [PresenceStep], cursor: String?) {
    _ = commit(steps, cursor: cursor)
  }

  /// Succeeds, whatever became of them, when no commit is under way any more. Nothing is committed afterwards.
  func end() -> EventLoopFuture<Void> {
    isEnded = true
    timer?.cancel()
    timer = nil
    return lastCommit.recover { _ in }
  }

  // MARK: Commits

  private func commit(_ steps: [PresenceStep], cursor: String?) -> EventLoopFuture<Void> {
    guard !isEnded else { return eventLoop.makeFailedFuture(AggregatorEnded()) }
    defer { scheduleTick() }
    // In the order in which the state came by them.
    let steps = answers + steps
    answers = []
    guard !steps.isEmpty || cursor != nil else { return lastCommit }
    commits += 1
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    lastCommit = lastCommit.flatMap { bound.value.store.commit(steps, cursor: cursor) }
    lastCommit.whenComplete { bound.value.committed($0) }
    return lastCommit
  }

  private func committed(_ result: Result<Void, any Error>) {
    commits -= 1
    switch result {
    case .success:
      if commits == 0, !isEnded { deliverNotices() }
    case .failure(let error):
      guard !isEnded else { return }
      _ = end()
      onFailure(error)
    }
  }

  /// No commit is under way: what notices say is persisted.
  private func deliverNotices() {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    for notice in state.notices(limit: Self.maximumNotices - noticesUnderWay) {
      noticesUnderWay += 1
      store.deliver(notice).whenComplete { bound.value.delivered(notice, $0) }
    }
    _ = commit([], cursor: nil)
  }

  private func delivered(_ notice: StatusNotice, _ result: Result<Void, any Error>) {
    noticesUnderWay -= 1
    guard !isEnded else { return }
    switch result {
    case .success:
      if notice.status != nil { applied.diffsSent += 1 }
      answers += state.answered(notice, isDelivered: true)
    case .failure(let error as ShardLost):
      _ = end()
      return onFailure(error)
    case .failure:
      answers += state.answered(notice, isDelivered: false)
    }
    if commits == 0 { deliverNotices() }
  }

  // MARK: Time

  private func scheduleTick() {
    timer?.cancel()
    timer = nil
    guard !isEnded, let rest = state.rest else { return }
    let delay = min(max(TimeAmount(rest), Self.shortestRest), Self.longestRest)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timer = eventLoop.scheduleTask(in: delay) { bound.value.tick() }
  }

  private func tick() {
    // NIO runs tasks that are due in batches: this one may have been cancelled, and another set, by one of its own batch.
    timer?.cancel()
    timer = nil
    guard !isEnded else { return }
    // A slow store is not given more to do: what is due waits, and comes together.
    guard commits == 0 else { return scheduleTick() }
    let steps = state.tick(PresenceMoment(now: Self.now, wallClock: wallClock()))
    _ = commit(steps, cursor: nil)
    if commits == 0 { deliverNotices() }
  }

  /// Since the machine started.
  static var now: Duration {
    .nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds))
  }
}

/// Nothing can be committed any more: the shard is handed over or lost.
struct AggregatorEnded: Error {}

internal import NIOCore

/// Turns the reports of one shard into members and diffs: the state, its timer, and one commit at a time.
/// Confined to its event loop.
final class ShardAggregator {
  /// How late a leave may be.
  static let tickInterval = TimeAmount.milliseconds(100)

  /// What was done since the aggregator began.
  struct Counters: Equatable, Sendable {
    var reportsApplied = 0
    var diffsSent = 0
    var gatewaysReaped = 0
  }

  private(set) var state: PresenceState
  private(set) var counters = Counters()
  private let eventLoop: any EventLoop
  private let store: any PresenceStore
  private let onFailure: (any Error) -> Void
  private var lastCommit: EventLoopFuture<Void>
  private var commits = 0
  private var timer: Scheduled<Void>?
  private var isEnded = false

  /// - Parameter onFailure: called once when a commit fails; the aggregator has ended then.
  init(
    _ state: PresenceState, store: any PresenceStore, on eventLoop: any EventLoop,
    onFailure: @escaping (any Error) -> Void = { _ in }
  ) {
    self.state = state
    self.store = store
    self.eventLoop = eventLoop
    self.onFailure = onFailure
    self.lastCommit = eventLoop.makeSucceededVoidFuture()
  }

  /// Applies `reports`; the future succeeds when they are committed.
  ///
  /// - Parameter cursor: of the last one.
  func apply(_ reports: [PresenceReport], cursor: String? = nil) -> EventLoopFuture<Void> {
    let now = Self.now
    var changes: [PresenceChange] = []
    for report in reports { changes += state.apply(report, now: now) }
    counters.reportsApplied += reports.count
    return commit(changes, cursor: cursor)
  }

  /// Removes a gateway whose lease ran out.
  func reap(_ gateway: String) {
    counters.gatewaysReaped += 1
    _ = commit(state.removeGateway(gateway, now: Self.now), cursor: nil)
  }

  /// Commits what loading the state brought with it, and begins to watch graces.
  func begin(with changes: [PresenceChange], cursor: String?) {
    _ = commit(changes, cursor: cursor)
  }

  /// Succeeds, whatever became of them, when no commit is under way any more. Nothing is committed afterwards.
  func end() -> EventLoopFuture<Void> {
    isEnded = true
    timer?.cancel()
    timer = nil
    return lastCommit.recover { _ in }
  }

  private func commit(_ changes: [PresenceChange], cursor: String?) -> EventLoopFuture<Void> {
    guard !isEnded else { return eventLoop.makeFailedFuture(AggregatorEnded()) }
    scheduleTick()
    guard !changes.isEmpty || cursor != nil else { return lastCommit }
    counters.diffsSent += changes.count { $0.announcement != nil }
    commits += 1
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    lastCommit = lastCommit.flatMap { bound.value.store.commit(changes, cursor: cursor) }
    lastCommit.whenComplete { bound.value.committed($0) }
    return lastCommit
  }

  private func committed(_ result: Result<Void, any Error>) {
    commits -= 1
    guard case .failure(let error) = result, !isEnded else { return }
    _ = end()
    onFailure(error)
  }

  private func scheduleTick() {
    guard timer == nil, state.hasDepartures else { return }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timer = eventLoop.scheduleTask(in: Self.tickInterval) { bound.value.tick() }
  }

  private func tick() {
    timer = nil
    guard !isEnded else { return }
    // A slow store is not given more to do: leaves wait, and come together.
    _ = commit(commits == 0 ? state.tick(now: Self.now) : [], cursor: nil)
  }

  /// Since the machine started.
  static var now: Duration {
    .nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds))
  }
}

/// Nothing can be committed any more: the shard is handed over or lost.
struct AggregatorEnded: Error {}

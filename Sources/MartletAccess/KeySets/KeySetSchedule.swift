/// When a key set is fetched, and how long its keys are good. A value: time and randomness are arguments.
struct KeySetSchedule {
  struct Rules: Sendable {
    /// Between two fetches that succeed.
    var refresh: Duration
    /// How long keys are used after ``refresh`` without a fetch that succeeds.
    var staleFor: Duration
    /// Between the beginnings of two fetches because of unknown key ids: whoever invents key ids must not be able to
    /// make the gateway ask more often.
    var demandInterval = Duration.seconds(10)
    /// After the first failure; doubles up to ``maximumRetry``.
    var initialRetry = Duration.milliseconds(500)
    var maximumRetry = Duration.seconds(30)
  }

  /// What to do for somebody who needs keys that are not here.
  enum Demand: Equatable {
    /// Fetch now.
    case fetch
    /// A fetch is under way: wait for it.
    case wait
    /// The last one was a moment ago.
    case tooSoon
  }

  private let rules: Rules
  private var isFetching = false
  private var lastDemand: ContinuousClock.Instant?
  private var lastSuccess: ContinuousClock.Instant?
  private var next: ContinuousClock.Instant
  private var failures = 0

  init(_ rules: Rules, now: ContinuousClock.Instant) {
    self.rules = rules
    next = now
  }

  /// When the set should be fetched again without anybody's demand.
  var nextFetch: ContinuousClock.Instant { next }

  /// Whether keys that were fetched may be used.
  func isUsable(now: ContinuousClock.Instant) -> Bool {
    age(now: now).map { $0 <= rules.refresh + rules.staleFor } ?? false
  }

  /// Since the last fetch that succeeded.
  func age(now: ContinuousClock.Instant) -> Duration? { lastSuccess.map { now - $0 } }

  /// A token needs a key that is not here. After `fetch` tell how it ends.
  mutating func demanded(now: ContinuousClock.Instant) -> Demand {
    if isFetching { return .wait }
    if let lastDemand, now - lastDemand < rules.demandInterval { return .tooSoon }
    lastDemand = now
    isFetching = true
    return .fetch
  }

  /// Whether to fetch because it is time; if so, tell how it ends.
  mutating func due(now: ContinuousClock.Instant) -> Bool {
    guard !isFetching, now >= next else { return false }
    isFetching = true
    return true
  }

  /// - Parameter jitter: 0 to 1; spreads the fetches of a fleet over the last tenth of the interval.
  mutating func succeeded(now: ContinuousClock.Instant, jitter: Double) {
    isFetching = false
    lastSuccess = now
    failures = 0
    next = now + rules.refresh * (1 - jitter / 10)
  }

  /// - Parameter jitter: 0 to 1; full jitter, from a tenth of the delay.
  mutating func failed(now: ContinuousClock.Instant, jitter: Double) {
    isFetching = false
    let delay = min(
      rules.maximumRetry, rules.refresh, rules.initialRetry * (1 << min(failures, 16)))
    failures += 1
    next = now + delay * (0.1 + 0.9 * jitter)
  }
}

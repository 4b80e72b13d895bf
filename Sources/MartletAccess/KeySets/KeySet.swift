internal import Logging
internal import MartletConfiguration
internal import MartletCore
internal import Synchronization

/// The public keys of one issuer: fetched in the background, and at once when a token names a key that is not here.
///
/// While the endpoint is away the keys that were fetched stay good for `stale_for`. Any thread.
final class KeySet: Sendable {
  private struct State {
    var schedule: KeySetSchedule
    var keys: [VerificationKey] = []
    var waiters: [CheckedContinuation<Void, Never>] = []
    var refreshes = 0
    var failures = 0
    var isFailing = false
    var background: Task<Void, Never>?
    var isStopped = false

    mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
      defer { waiters = [] }
      return waiters
    }
  }

  /// What the set has for a token.
  enum Keys {
    case some([VerificationKey])
    /// Its keys are known, and none is for the token.
    case none
    /// Nothing was fetched yet, or too long ago.
    case unavailable
  }

  let configuration: Configuration.KeySet
  let rules: ClaimRules

  /// How many keys are tried for a token without key id.
  private static let maximumAttempts = 4
  /// How many clients wait for one fetch; further ones are told to come again.
  private static let maximumWaiters = 10_000

  private let http: OutgoingHTTP
  private let logger: Logger
  private let state: Mutex<State>

  init(
    _ configuration: Configuration.KeySet, clockSkew: Int64, http: OutgoingHTTP, logger: Logger,
    demandInterval: Duration
  ) {
    self.configuration = configuration
    self.http = http
    self.logger = logger
    rules = ClaimRules(
      issuer: configuration.issuer, audience: configuration.audience, clockSkew: clockSkew)
    let schedule = KeySetSchedule.Rules(
      refresh: configuration.refresh, staleFor: configuration.staleFor,
      demandInterval: demandInterval)
    state = Mutex(State(schedule: KeySetSchedule(schedule, now: .now)))
  }

  /// Fetches the keys now, and again in the background until ``stop()``.
  func start() {
    state.withLock { state in
      guard state.background == nil, !state.isStopped else { return }
      state.background = Task { [weak self] in
        while !Task.isCancelled, let next = await self?.fetchIfDue() {
          try? await Task.sleep(until: next, clock: .continuous)
        }
      }
    }
  }

  /// Fetches no more. Those who wait are let go when the fetch under way ends.
  func stop() {
    let background = state.withLock { state in
      state.isStopped = true
      return state.background
    }
    background?.cancel()
  }

  /// The keys for a token with this header.
  func keys(for token: SignedToken, _ algorithm: TokenAlgorithm) -> Keys {
    guard configuration.algorithms.contains(algorithm) else { return .none }
    return state.withLock { state in
      guard state.schedule.isUsable(now: .now) else { return .unavailable }
      let keys = state.keys.lazy.filter { key in
        key.algorithm == algorithm && (token.keyID == nil || token.keyID == key.keyID)
      }
      let first = Array(keys.prefix(Self.maximumAttempts))
      return first.isEmpty ? .none : .some(first)
    }
  }

  /// Waits for keys that are newer than those of now, if it is not too soon for asking again.
  func demandKeys() async {
    await withCheckedContinuation { continuation in
      let fetches = state.withLock { state -> Bool? in
        guard !state.isStopped, state.waiters.count < Self.maximumWaiters else { return nil }
        switch state.schedule.demanded(now: .now) {
        case .tooSoon: return nil
        case .wait:
          state.waiters.append(continuation)
          return false
        case .fetch:
          state.waiters.append(continuation)
          return true
        }
      }
      switch fetches {
      case nil: continuation.resume()
      case false?: break
      // Not a part of the caller's task: others wait for it, too.
      case true?: Task { await fetch() }
      }
    }
  }

  /// Whether tokens can be verified; if not, why.
  var unreadiness: String? {
    state.withLock { state in
      if state.schedule.isUsable(now: .now) { return nil }
      return state.refreshes == 0
        ? "no keys from \(configuration.url) yet" : "the keys from \(configuration.url) are too old"
    }
  }

  var statistics: AccessStatistics.KeySet {
    state.withLock { state in
      AccessStatistics.KeySet(
        url: configuration.url.text, keys: state.keys.count, refreshes: state.refreshes,
        failures: state.failures, age: state.schedule.age(now: .now))
    }
  }

  /// Nil: stopped; else when to come again.
  private func fetchIfDue() async -> ContinuousClock.Instant? {
    if state.withLock({ $0.schedule.due(now: .now) }) { await fetch() }
    return state.withLock { state in
      state.isStopped ? nil : max(state.schedule.nextFetch, .now + .milliseconds(1))
    }
  }

  private func fetch() async {
    do {
      let answer = try await http.get(
        configuration.url, timeout: configuration.timeout, maximumSize: KeySetDocument.maximumSize)
      guard answer.status == 200 else { return failed("status \(answer.status)") }
      let keys = try await KeySetDocument(answer.body)
        .verificationKeys(for: configuration.algorithms)
      // An empty set would lock everybody out; whoever means that stops trusting the set.
      guard !keys.isEmpty else { return failed("no usable key") }
      succeeded(keys)
    } catch {
      failed("\(error)")
    }
  }

  private func succeeded(_ keys: [VerificationKey]) {
    let (waiters, wasFailing) = state.withLock { state in
      state.schedule.succeeded(now: .now, jitter: .random(in: 0...1))
      state.keys = keys
      state.refreshes += 1
      defer { state.isFailing = false }
      return (state.takeWaiters(), state.isFailing || state.refreshes == 1)
    }
    if wasFailing {
      logger.info(
        "keys fetched", metadata: ["url": "\(configuration.url)", "keys": "\(keys.count)"])
    }
    for waiter in waiters { waiter.resume() }
  }

  private func failed(_ problem: String) {
    let (waiters, isStopped) = state.withLock { state in
      state.schedule.failed(now: .now, jitter: .random(in: 0...1))
      state.failures += 1
      state.isFailing = true
      return (state.takeWaiters(), state.isStopped)
    }
    if !isStopped {
      logger.warning(
        "keys cannot be fetched", metadata: ["url": "\(configuration.url)", "error": "\(problem)"])
    }
    for waiter in waiters { waiter.resume() }
  }
}

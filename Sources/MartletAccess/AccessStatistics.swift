/// What happened since the start, for metrics.
package struct AccessStatistics: Sendable {
  /// Of one set of keys.
  package struct KeySet: Sendable {
    package var url: String
    /// Usable keys, counted once for each algorithm.
    package var keys: Int
    package var refreshes: Int
    package var failures: Int
    /// Since the last fetch that succeeded; nil: none did.
    package var age: Duration?
  }

  /// Of the access hook.
  package struct Hook: Sendable {
    package var outcomes: [HookOutcome: Int] = [:]
    /// Of all requests that ended, answered or not.
    package var requestTime = Duration.zero
    package var cacheHits = 0
    package var cachedAnswers = 0
    /// Requests under way.
    package var asking = 0
    /// Clients that wait for an answer.
    package var waiting = 0
    package var circuit = CircuitBreaker.State.closed(failures: 0)
    package var circuitOpenings = 0
  }

  package var keySets: [KeySet]
  /// Nil: there is no hook.
  package var hook: Hook?
}

/// How a question ended that no kept answer was for.
package enum HookOutcome: String, CaseIterable, Sendable {
  case allowed
  case denied
  /// No answer in time.
  case timedOut = "timeout"
  /// No connection, another status than 200, or an answer that is none.
  case failed
  /// Not asked: the circuit is open. Counted per client.
  case circuitOpen = "circuit_open"
  /// Not asked: too many wait. Counted per client.
  case queueFull = "queue_full"
}

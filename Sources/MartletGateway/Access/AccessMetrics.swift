internal import MartletAccess
internal import MartletDaemon

/// What keys and the access hook do, as Prometheus text (docs/metrics.md).
enum AccessMetrics {
  static func add(_ statistics: AccessStatistics, to text: inout PrometheusText) {
    let keySets = statistics.keySets
    if !keySets.isEmpty {
      func samples(
        _ value: (AccessStatistics.KeySet) -> Double?
      ) -> [PrometheusText.Sample] {
        keySets.compactMap { set in
          value(set).map { PrometheusText.Sample($0, labels: [("url", set.url)]) }
        }
      }
      text.add(
        "martlet_auth_keys", .gauge, "Keys of a set, counted once for each algorithm.",
        samples { Double($0.keys) })
      text.add(
        "martlet_auth_keys_age_seconds", .gauge, "Since the keys were fetched.",
        samples { set in set.age.map { $0 / .seconds(1) } })
      text.add(
        "martlet_auth_key_refreshes_total", .counter, "Fetches of keys that succeeded.",
        samples { Double($0.refreshes) })
      text.add(
        "martlet_auth_key_failures_total", .counter, "Fetches of keys that failed.",
        samples { Double($0.failures) })
    }
    if let hook = statistics.hook { add(hook, to: &text) }
  }

  private static func add(_ hook: AccessStatistics.Hook, to text: inout PrometheusText) {
    let outcomes = HookOutcome.allCases.map { ($0.rawValue, hook.outcomes[$0] ?? 0) }
    text.add(
      "martlet_access_hook_questions_total", .counter,
      "Questions for the access hook, by how they ended.",
      (outcomes + [("cached", hook.cacheHits)]).map { outcome, count in
        PrometheusText.Sample(Double(count), labels: [("outcome", outcome)])
      })
    text.add(
      "martlet_access_hook_request_seconds_total", .counter,
      "What all requests to the access hook took, together.",
      [PrometheusText.Sample(hook.requestTime / .seconds(1))])
    text.add(
      "martlet_access_hook_requests", .gauge, "Requests to the access hook under way.", hook.asking)
    text.add(
      "martlet_access_hook_waiting", .gauge, "Clients that wait for the access hook.", hook.waiting)
    text.add(
      "martlet_access_hook_cached_answers", .gauge, "Answers that are kept.", hook.cachedAnswers)
    text.add(
      "martlet_access_hook_circuit", .gauge, "1 for the state of the circuit.",
      ["closed", "open", "half_open"].map { state in
        PrometheusText.Sample(
          state == name(of: hook.circuit) ? 1 : 0, labels: [("state", state)])
      })
    text.add(
      "martlet_access_hook_circuit_openings_total", .counter,
      "Times that the circuit opened.", hook.circuitOpenings)
  }

  private static func name(of state: CircuitBreaker.State) -> String {
    switch state {
    case .closed: "closed"
    case .open: "open"
    case .halfOpen: "half_open"
    }
  }
}

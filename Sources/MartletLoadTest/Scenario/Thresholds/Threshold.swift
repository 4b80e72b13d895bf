/// What a run has to hold, such as `deliver.p99 < 200ms` or `lost == 0`.
package struct Threshold: Sendable, Equatable, Codable {
  package enum Comparison: String, Sendable, CaseIterable, Codable {
    case below = "<"
    case atMost = "<="
    case above = ">"
    case atLeast = ">="
    case equal = "=="
    case unequal = "!="
  }

  /// A number of the report.
  package enum Metric: Sendable, Equatable, Codable {
    /// In milliseconds.
    case latency(LatencyKind, LatencyStatistic)
    case count(CountMetric)
  }

  package enum LatencyStatistic: String, Sendable, CaseIterable, Codable {
    case minimum = "min"
    case mean
    case p50
    case p90
    case p99
    case p999
    case maximum = "max"
  }

  package enum CountMetric: String, Sendable, CaseIterable, Codable {
    case lost
    /// Came only when the history was asked for it, after the run.
    case recoveredLate = "recovered_late"
    case duplicated
    case reordered
    case unacknowledged
    case rejected
    case errors
    case failedAttempts = "failed_attempts"
    case reconnects
    case notRecovered = "not_recovered"
    case resyncs
    case joined
    case sentPerSecond = "sent_per_second"
    case deliveredPerSecond = "delivered_per_second"
    /// 1 if the generator distorted the result, else 0.
    case generatorBound = "generator_bound"
  }

  /// As it was written.
  package var text: String
  package var metric: Metric
  package var comparison: Comparison
  /// Milliseconds for latencies.
  package var bound: Double

  package init(text: String, metric: Metric, comparison: Comparison, bound: Double) {
    self.text = text
    self.metric = metric
    self.comparison = comparison
    self.bound = bound
  }
}

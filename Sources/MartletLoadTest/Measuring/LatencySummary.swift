/// One latency of the report, in milliseconds; all 0 when nothing was measured.
package struct LatencySummary: Sendable, Equatable, Codable, LatencyValue {
  package var count: UInt64 = 0
  package var minimum = 0.0
  package var mean = 0.0
  package var p50 = 0.0
  package var p90 = 0.0
  package var p99 = 0.0
  package var p999 = 0.0
  package var maximum = 0.0

  package init() {}

  package init(
    count: UInt64, minimum: Double, mean: Double, p50: Double, p90: Double, p99: Double,
    p999: Double, maximum: Double
  ) {
    self.count = count
    self.minimum = minimum
    self.mean = mean
    self.p50 = p50
    self.p90 = p90
    self.p99 = p99
    self.p999 = p999
    self.maximum = maximum
  }

  package subscript(statistic: Threshold.LatencyStatistic) -> Double {
    switch statistic {
    case .minimum: minimum
    case .mean: mean
    case .p50: p50
    case .p90: p90
    case .p99: p99
    case .p999: p999
    case .maximum: maximum
    }
  }

  /// Adds up summaries whose distributions are not known. Percentiles become the larger one, which the true one
  /// does not exceed.
  mutating func add(_ other: LatencySummary) {
    guard other.count > 0 else { return }
    guard count > 0 else {
      self = other
      return
    }
    let sum = mean * Double(count) + other.mean * Double(other.count)
    count += other.count
    mean = sum / Double(count)
    minimum = min(minimum, other.minimum)
    p50 = max(p50, other.p50)
    p90 = max(p90, other.p90)
    p99 = max(p99, other.p99)
    p999 = max(p999, other.p999)
    maximum = max(maximum, other.maximum)
  }

  enum CodingKeys: String, CodingKey {
    case count
    case minimum = "min_ms"
    case mean = "mean_ms"
    case p50 = "p50_ms"
    case p90 = "p90_ms"
    case p99 = "p99_ms"
    case p999 = "p999_ms"
    case maximum = "max_ms"
  }
}

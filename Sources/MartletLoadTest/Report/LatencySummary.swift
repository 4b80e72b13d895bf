/// One latency of the report, in milliseconds.
package struct LatencySummary: Sendable, Equatable, Codable {
  package var count: UInt64
  package var minimum: Double
  package var mean: Double
  package var p50: Double
  package var p90: Double
  package var p99: Double
  package var p999: Double
  package var maximum: Double

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

import Histogram

/// Latencies with three significant digits, from 1 µs to 60 s; what lies outside counts as the
/// nearer bound.
struct LatencyHistogram: Sendable {
  /// In microseconds.
  static let highest: UInt64 = 60_000_000

  private var histogram = Histogram<UInt64>(
    lowestDiscernibleValue: 1, highestTrackableValue: Self.highest,
    numberOfSignificantValueDigits: .three)

  var count: UInt64 { histogram.totalCount }

  mutating func record(nanoseconds: UInt64) {
    histogram.record(min(max(1, nanoseconds / 1000), Self.highest))
  }

  mutating func add(_ other: LatencyHistogram) {
    if other.count > 0 { histogram.add(other.histogram) }
  }

  mutating func reset() {
    histogram.reset()
  }

  /// Milliseconds; 0 when nothing was recorded.
  func percentile(_ percentile: Double) -> Double {
    count == 0 ? 0 : Double(histogram.valueAtPercentile(percentile)) / 1000
  }

  var summary: LatencySummary {
    LatencySummary(
      count: count,
      minimum: count == 0 ? 0 : Double(histogram.min) / 1000,
      mean: count == 0 ? 0 : histogram.mean / 1000,
      p50: percentile(50), p90: percentile(90), p99: percentile(99), p999: percentile(99.9),
      maximum: count == 0 ? 0 : Double(histogram.maxRecorded) / 1000)
  }
}

/// The four latencies of a run.
struct Latencies: Sendable {
  /// Connect started → the WebSocket is open.
  var connect = LatencyHistogram()
  /// Connect started → `connection_established`.
  var join = LatencyHistogram()
  /// Publication intended → its `ack` read.
  var acknowledge = LatencyHistogram()
  /// Publication intended → read by a member, for each member.
  var deliver = LatencyHistogram()

  mutating func add(_ other: Latencies) {
    connect.add(other.connect)
    join.add(other.join)
    acknowledge.add(other.acknowledge)
    deliver.add(other.deliver)
  }
}

import Histogram

/// Counts latencies while a run goes on: constant time, no allocation after the first, 140 kB. Three significant
/// digits from 1 µs to 60 s; what lies outside counts as the nearer bound.
package struct LatencyHistogram: Sendable, LatencyValue {
  /// In microseconds.
  static let highest: UInt64 = 60_000_000

  /// What all share until something is recorded; also knows which values are one to a histogram.
  static let scale = Histogram<UInt64>(
    lowestDiscernibleValue: 1, highestTrackableValue: Self.highest,
    numberOfSignificantValueDigits: .three)

  private var histogram = Self.scale

  package init() {}

  package var count: UInt64 { histogram.totalCount }

  package mutating func record(nanoseconds: UInt64) {
    histogram.record(min(max(1, nanoseconds / 1000), Self.highest))
  }

  package mutating func add(_ other: LatencyHistogram) {
    if other.count > 0 { histogram.add(other.histogram) }
  }

  package mutating func reset() {
    if count > 0 { histogram.reset() }
  }

  /// Milliseconds; 0 when nothing was recorded.
  package func percentile(_ percentile: Double) -> Double {
    distribution.percentile(percentile)
  }

  /// The same in a form that is small, merges and can be stored. Takes some 100 µs: not for an event loop that
  /// is being measured; a copy of the histogram is made there and read elsewhere.
  package var distribution: LatencyDistribution {
    guard count > 0 else { return LatencyDistribution() }
    return LatencyDistribution(
      histogram.recordedValues().map {
        LatencyDistribution.Bin(microseconds: $0.value, count: $0.count)
      })
  }

  package var summary: LatencySummary { distribution.summary }
}

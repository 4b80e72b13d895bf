import Histogram

/// How often which latency occurred: what a ``LatencyHistogram`` has counted, without its empty places. Adding up
/// distributions gives exactly the distribution of all that was recorded.
package struct LatencyDistribution: Sendable, Equatable, LatencyValue {
  /// Latencies that a histogram does not tell apart.
  package struct Bin: Sendable, Equatable {
    /// The lowest of them.
    package fileprivate(set) var microseconds: UInt64
    package fileprivate(set) var count: UInt64
  }

  /// More than any run counts in one bin; sums of all bins of many files stay far from overflow.
  static let highestCount: UInt64 = 1 << 40

  /// Ascending, none of them empty.
  package private(set) var bins: [Bin] = []
  package private(set) var count: UInt64 = 0

  package init() {}

  /// - Parameter bins: in any order; any value of a bin stands for it.
  init(_ bins: some Sequence<Bin>) {
    let scale = LatencyHistogram.scale
    for bin in bins.sorted(by: { $0.microseconds < $1.microseconds }) where bin.count > 0 {
      let value = scale.lowestEquivalentForValue(
        min(max(1, bin.microseconds), LatencyHistogram.highest))
      append(Bin(microseconds: value, count: bin.count))
    }
  }

  private mutating func append(_ bin: Bin) {
    count += bin.count
    if bins.last?.microseconds == bin.microseconds {
      bins[bins.count - 1].count += bin.count
    } else {
      bins.append(bin)
    }
  }

  package mutating func add(_ other: LatencyDistribution) {
    guard other.count > 0 else { return }
    guard count > 0 else {
      self = other
      return
    }
    var merged = LatencyDistribution()
    merged.bins.reserveCapacity(bins.count + other.bins.count)
    var mine = bins[...]
    var others = other.bins[...]
    while let first = mine.first, let second = others.first {
      merged.append(
        first.microseconds <= second.microseconds ? mine.removeFirst() : others.removeFirst())
    }
    for bin in mine { merged.append(bin) }
    for bin in others { merged.append(bin) }
    self = merged
  }

  /// What was recorded since this was `earlier`. Counts that have fallen, because a process is gone, count as no
  /// change.
  package func since(_ earlier: LatencyDistribution) -> LatencyDistribution {
    var result = LatencyDistribution()
    var before = earlier.bins[...]
    for bin in bins {
      while let first = before.first, first.microseconds < bin.microseconds {
        before.removeFirst()
      }
      let old = before.first.map { $0.microseconds == bin.microseconds ? $0.count : 0 } ?? 0
      if bin.count > old {
        result.append(Bin(microseconds: bin.microseconds, count: bin.count - old))
      }
    }
    return result
  }

  // MARK: Questions

  /// The latency that this share of all did not exceed, in milliseconds; 0 when nothing was recorded.
  package func percentile(_ percentile: Double) -> Double {
    guard let last = bins.last else { return 0 }
    // A hair less, so that 99.9 % of 1,000 is 999 in spite of rounding.
    let rank = (Double(count) * percentile / 100 * (1 - 1e-12)).rounded(.up)
    var reached: UInt64 = 0
    for bin in bins {
      reached += bin.count
      if Double(reached) >= rank { return Self.highestMilliseconds(of: bin) }
    }
    return Self.highestMilliseconds(of: last)
  }

  /// How many did not exceed `milliseconds`; a bin counts when all of it lies below.
  package func count(upTo milliseconds: Double) -> UInt64 {
    var result: UInt64 = 0
    for bin in bins {
      guard Self.highestMilliseconds(of: bin) <= milliseconds else { break }
      result += bin.count
    }
    return result
  }

  /// Of all of them together, in milliseconds; each counts as the middle of its bin.
  package var sum: Double {
    bins.reduce(0) { sum, bin in
      let middle = LatencyHistogram.scale.medianEquivalentForValue(bin.microseconds)
      return sum + Double(middle) / 1000 * Double(bin.count)
    }
  }

  package var summary: LatencySummary {
    guard let first = bins.first, let last = bins.last else { return LatencySummary() }
    return LatencySummary(
      count: count, minimum: Double(first.microseconds) / 1000, mean: sum / Double(count),
      p50: percentile(50), p90: percentile(90), p99: percentile(99), p999: percentile(99.9),
      maximum: Self.highestMilliseconds(of: last))
  }

  static func highestMilliseconds(of bin: Bin) -> Double {
    let highest = LatencyHistogram.scale.highestEquivalentForValue(bin.microseconds)
    return Double(min(highest, LatencyHistogram.highest)) / 1000
  }

  /// The distribution by percentile as HdrHistogram's tools read it (`.hgrm`), in milliseconds.
  package var percentileText: String {
    var histogram = LatencyHistogram.scale
    for bin in bins { histogram.record(bin.microseconds, count: bin.count) }
    var text = ""
    histogram.outputPercentileDistribution(to: &text, outputValueUnitScalingRatio: 1000)
    return text
  }
}

/// An array of pairs: a value in microseconds, and how often it (or what a histogram does not tell from it) occurred.
extension LatencyDistribution: Codable {
  package init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    var bins: [Bin] = []
    while !container.isAtEnd {
      var pair = try container.nestedUnkeyedContainer()
      let bin = Bin(
        microseconds: try pair.decode(UInt64.self), count: try pair.decode(UInt64.self))
      guard pair.isAtEnd, bin.count <= Self.highestCount else {
        throw DecodingError.dataCorruptedError(
          in: container,
          debugDescription: "a bin is a pair of microseconds and a count up to \(Self.highestCount)"
        )
      }
      bins.append(bin)
    }
    self.init(bins)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    for bin in bins {
      var pair = container.nestedUnkeyedContainer()
      try pair.encode(bin.microseconds)
      try pair.encode(bin.count)
    }
  }
}

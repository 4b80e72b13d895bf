import Foundation
import MartletTestSupport
import Testing

@testable import MartletLoadTest

@Suite struct LatencyDistributionTests {
  /// Latencies over the whole range, logarithmically even.
  private func record(_ count: Int, using generator: inout SeededGenerator) -> LatencyHistogram {
    var histogram = LatencyHistogram()
    for _ in 0..<count {
      let nanoseconds = pow(10, Double.random(in: 3...10.7, using: &generator))
      histogram.record(nanoseconds: UInt64(nanoseconds))
    }
    return histogram
  }

  private func seeded() -> SeededGenerator {
    let seed = UInt64.random(in: 0 ... .max)
    print("LatencyDistributionTests seed: \(seed)")
    return SeededGenerator(seed: seed)
  }

  @Test func `Adding up distributions gives the distribution of all that was recorded`() {
    var generator = seeded()
    let one = record(2000, using: &generator)
    let other = record(500, using: &generator)
    var together = one
    together.add(other)
    var sum = one.distribution
    sum.add(other.distribution)
    #expect(sum == together.distribution)
    #expect(sum.count == 2500)
    #expect(sum.summary == together.summary)
    #expect(sum.since(one.distribution) == other.distribution)
    #expect(sum.since(sum) == LatencyDistribution())
  }

  @Test func `A distribution survives JSON as pairs of microseconds and a count`() throws {
    var generator = seeded()
    let distribution = record(3000, using: &generator).distribution
    let data = try JSONEncoder().encode(distribution)
    #expect(try JSONDecoder().decode(LatencyDistribution.self, from: data) == distribution)

    var small = LatencyHistogram()
    for nanoseconds in [5000, 5999, 9_000_000] as [UInt64] {
      small.record(nanoseconds: nanoseconds)
    }
    let text = String(decoding: try JSONEncoder().encode(small.distribution), as: UTF8.self)
    #expect(text == "[[5,2],[9000,1]]")
  }

  @Test(arguments: [
    "[[1]]", "[[1,2,3]]", "[[1,-1]]", "[[-1,1]]", "[[1,1099511627777]]", "{}", "[1]",
  ])
  func `What is not a distribution is refused`(text: String) {
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(LatencyDistribution.self, from: Data(text.utf8))
    }
  }

  @Test func `Pairs in any order, of any value of a bin, are the same distribution`() throws {
    func read(_ text: String) throws -> LatencyDistribution {
      try JSONDecoder().decode(LatencyDistribution.self, from: Data(text.utf8))
    }
    #expect(try read("[[9001,1],[5,2],[9003,3],[7,0]]") == read("[[5,2],[9000,4]]"))
    #expect(try read("[[0,1],[99999999999,1]]").summary.maximum == 60_000)
  }

  @Test func `Percentiles are values that the share did not exceed`() {
    var histogram = LatencyHistogram()
    for milliseconds in 1...1000 as ClosedRange<UInt64> {
      histogram.record(nanoseconds: milliseconds * 1_000_000)
    }
    let distribution = histogram.distribution
    for (percentile, expected) in [(0, 1), (50, 500), (99, 990), (99.9, 999), (100, 1000)]
      as [(Double, Double)]
    {
      #expect(abs(distribution.percentile(percentile) / expected - 1) < 0.001)
    }
    #expect(distribution.count(upTo: 500.5) == 500)
    #expect(abs(distribution.sum / 500_500 - 1) < 0.001)
    #expect(LatencyDistribution().percentile(99) == 0)
    #expect(LatencyDistribution().summary == LatencySummary())
  }

  @Test func `The percentile text has a line for each step, in milliseconds, and the count`() {
    var histogram = LatencyHistogram()
    for _ in 0..<100 { histogram.record(nanoseconds: 2_000_000) }
    let lines = histogram.distribution.percentileText.split(separator: "\n")
    #expect(lines.first?.split(separator: " ").first == "Value")
    #expect(lines.dropFirst().first?.split(separator: " ").map(String.init).first == "2.000")
    #expect(lines.contains { $0.contains("Total count") && $0.contains("100") })
  }
}

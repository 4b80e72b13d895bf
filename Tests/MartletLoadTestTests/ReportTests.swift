import Testing

@testable import MartletLoadTest

@Suite struct ReportTests {
  private func health(lag: Double = 0, lateShare: Double = 0, cpuShare: Double = 0)
    -> GeneratorHealth
  {
    GeneratorHealth(
      cpuSeconds: 1, cpuShare: cpuShare, longestLagMilliseconds: lag, lateSends: 0,
      lateShare: lateShare)
  }

  @Test func `A generator at its limits is healthy, and beyond any of them it is the bound`() {
    let limits = health(
      lag: GeneratorHealth.lagLimit, lateShare: GeneratorHealth.lateShareLimit,
      cpuShare: GeneratorHealth.cpuShareLimit)
    #expect(!limits.isGeneratorBound)
    #expect(health(lag: 100.1).isGeneratorBound)
    #expect(health(lateShare: 0.011).isGeneratorBound)
    #expect(health(cpuShare: 0.91).isGeneratorBound)
    #expect(health(lag: 200, lateShare: 1, cpuShare: 1).reasons.count == 3)
  }

  @Test func `Latencies are in milliseconds, and those beyond a minute count as a minute`() {
    var histogram = LatencyHistogram()
    for nanoseconds in [0, 999, 1_500_000, 1_500_000, 90_000_000_000] as [UInt64] {
      histogram.record(nanoseconds: nanoseconds)
    }
    let summary = histogram.summary
    #expect(summary.count == 5)
    #expect(summary.minimum == 0.001)
    #expect(abs(summary.p50 - 1.5) < 0.01)
    #expect(abs(summary.maximum - 60_000) < 100)
    #expect(LatencyHistogram().summary.p99 == 0)
  }

  @Test func `Offenders that follow each other are one entry`() {
    var list = OffenderList(.duplicated)
    for sequence in [3, 4, 5, 7] as [UInt32] {
      list.add(member: 1, publisher: 2, sequences: sequence..<(sequence + 1))
    }
    #expect(
      list.offenders.map(\.description) == [
        "duplicated: member 1, publisher 2, sequences 3–5",
        "duplicated: member 1, publisher 2, sequence 7",
      ])
  }
}

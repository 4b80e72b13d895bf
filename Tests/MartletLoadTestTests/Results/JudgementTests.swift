import Testing

@testable import MartletLoadTest

@Suite struct JudgementTests {
  private func judged(
    _ thresholds: [Threshold], _ change: (inout LoadTestReport) -> Void = { _ in }
  ) -> LoadTestReport {
    var report = ReportFixtures.report(seconds: 4)
    change(&report)
    report.judge(by: thresholds)
    return report
  }

  @Test func `A threshold that does not hold gives 99, a broken verdict 1, an interrupt 130`() {
    let fast = ReportFixtures.threshold("fast", .latency(.deliver, .p50), .below, 0.1)
    let slow = ReportFixtures.threshold("slow", .latency(.deliver, .p50), .below, 10_000)
    #expect(judged([slow]).exitStatus == .ok)
    #expect(judged([slow, fast]).exitStatus == .threshold)
    #expect(judged([fast]) { $0.deliveries.lost = 1 }.exitStatus == .failed)
    #expect(judged([fast]) { $0.isInterrupted = true }.exitStatus == .interrupted)
    #expect(ExitStatus.threshold.rawValue == 99)
  }

  @Test func `What a threshold bounds is judged by it alone`() {
    let few = ReportFixtures.threshold("lost < 10", .count(.lost), .below, 10)
    #expect(judged([few]) { $0.deliveries.lost = 9 }.exitStatus == .ok)
    #expect(judged([few]) { $0.deliveries.lost = 10 }.exitStatus == .threshold)
    #expect(judged([few]) { $0.deliveries.duplicated = 1 }.exitStatus == .failed)
    let allowed = ReportTable.render(judged([few]) { $0.deliveries.lost = 9 })
    #expect(allowed.contains("OK: 9 lost, as the thresholds allow"))
  }

  @Test func `A threshold on a latency that never occurred does not hold`() {
    let presence = ReportFixtures.threshold("presence", .latency(.presence, .p99), .below, 1000)
    let report = judged([presence])
    #expect(report.thresholds.first?.value == nil)
    #expect(report.exitStatus == .threshold)
    #expect(ReportTable.render(report).contains("FAIL  presence  (not measured)"))
  }

  @Test(
    arguments: zip(
      Threshold.Comparison.allCases,
      [
        [true, false, false], [true, true, false], [false, false, true], [false, true, true],
        [false, true, false], [true, false, true],
      ]))
  func `Comparisons mean what they say`(comparison: Threshold.Comparison, expected: [Bool]) {
    let threshold = ReportFixtures.threshold("", .count(.lost), comparison, 2)
    #expect([1, 2, 3].map(threshold.isHeld(by:)) == expected)
  }

  @Test func `Every count has its own value`() {
    var report = ReportFixtures.empty()
    report.deliveries.lost = 1
    report.deliveries.recoveredLate = 2
    report.deliveries.duplicated = 3
    report.deliveries.reordered = 4
    report.publications.unacknowledged = 5
    report.publications.rejected = 6
    report.errors = ["a": 4, "b": 3]
    report.connections.failedAttempts = 8
    report.connections.reconnects = 9
    report.connections.notRecovered = 10
    report.connections.resyncs = 11
    report.connections.joined = 12
    report.publications.sentPerSecond = 13
    report.deliveries.deliveredPerSecond = 14
    let values = Threshold.CountMetric.allCases.map { report.value(of: .count($0)) }
    #expect(values == (1...14).map { Double($0) } + [0])
    report.generator.lateShare = 1
    #expect(report.value(of: .count(.generatorBound)) == 1)
  }

  @Test func `Metrics are known by their names`() {
    let latencies = LatencyKind.allCases.flatMap { kind in
      Threshold.LatencyStatistic.allCases.map { Threshold.Metric.latency(kind, $0) }
    }
    for metric in latencies + Threshold.CountMetric.allCases.map({ .count($0) }) {
      #expect(Threshold.Metric(name: metric.name) == metric)
    }
    #expect(Threshold.Metric.latency(.deliver, .maximum).name == "deliver.max")
    #expect(Threshold.Metric(name: "deliver.p98") == nil)
    #expect(Threshold.Metric(name: "wins") == nil)
  }
}

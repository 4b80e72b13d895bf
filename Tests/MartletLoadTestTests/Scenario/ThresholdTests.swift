import Testing

@testable import MartletLoadTest

@Suite struct ThresholdTests {
  @Test(
    arguments: [
      (
        "deliver.p99 < 200ms", Threshold.Metric.latency(.deliver, .p99), Threshold.Comparison.below,
        200
      ),
      ("connect.max<=1.5s", .latency(.connect, .maximum), .atMost, 1_500),
      ("join.min > 100us", .latency(.join, .minimum), .above, 0.1),
      (" recover.p999  <  2m ", .latency(.recover, .p999), .below, 120_000),
      ("presence.mean >= 0.5ms", .latency(.presence, .mean), .atLeast, 0.5),
      ("lost == 0", .count(.lost), .equal, 0), ("lost != 7", .count(.lost), .unequal, 7),
      ("sent_per_second >= 900.5", .count(.sentPerSecond), .atLeast, 900.5),
    ] as [(String, Threshold.Metric, Threshold.Comparison, Double)])
  func `A threshold is read`(
    text: String, metric: Threshold.Metric, comparison: Threshold.Comparison, bound: Double
  ) throws {
    let threshold = try Threshold(text)
    #expect(threshold.metric == metric)
    #expect(threshold.comparison == comparison)
    #expect(abs(threshold.bound - bound) < 1e-9)
    #expect(text.contains(threshold.text) && !threshold.text.hasPrefix(" "))
  }

  @Test func `Every metric is read as it is written`() throws {
    for metric in Threshold.CountMetric.allCases.map(Threshold.Metric.count) {
      #expect(try Threshold.Metric(metric.text) == metric)
    }
    for kind in LatencyKind.allCases {
      for statistic in Threshold.LatencyStatistic.allCases {
        let metric = Threshold.Metric.latency(kind, statistic)
        #expect(try Threshold.Metric(metric.text) == metric)
      }
    }
  }

  @Test(arguments: [
    ("lost", "has no comparison"), ("", "has no comparison"),
    ("lost = 0", "\"=\" is no comparison"),
    ("lost =< 0", "one of <, <=, >, >=, ==, !="), ("lots == 0", "\"lots\" is no metric"),
    ("deliver < 1s", "needs a statistic, as in deliver.p99"), ("deliver.p98 < 1s", "p90, p99"),
    ("deliver.p99.x < 1s", "needs a statistic"),
    ("deliver.p99 < 200", "is no bound of deliver.p99"),
    ("deliver.p99 < -1s", "is no bound"), ("deliver.p99 < ms", "is no bound"),
    ("deliver.p99 == 1s", "makes no sense for a latency"), ("lost == 0ms", "is no bound of lost"),
    ("lost == ", "is no bound"), ("lost == 1e3", "is no bound"), ("< 3", "\"\" is no metric"),
  ])
  func `A text that is no threshold says what is wrong with it`(text: String, problem: String) {
    let error = #expect(throws: ThresholdError.self) { try Threshold(text) }
    #expect(error?.description.contains(problem) == true)
  }

  @Test(arguments: [
    ("lost < 2", true, false, false), ("lost <= 2", true, true, false),
    ("lost > 2", false, false, true), ("lost >= 2", false, true, true),
    ("lost == 2", false, true, false), ("lost != 2", true, false, true),
  ])
  func `A value is compared with the bound`(text: String, below: Bool, at: Bool, above: Bool) throws
  {
    let threshold = try Threshold(text)
    for (value, holds) in [(1.0, below), (2, at), (3, above)] {
      #expect(ThresholdResult(threshold: threshold, value: value).holds == holds)
    }
  }

  @Test func `What was not measured does not hold`() throws {
    let threshold = try Threshold("lost != 1")
    #expect(!ThresholdResult(threshold: threshold, value: nil).holds)
  }
}

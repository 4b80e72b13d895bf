import Testing

@testable import MartletLoadTest

@Suite struct RenderingTests {
  @Test func `The table has thresholds with their marks and all that was counted`() {
    var report = ReportFixtures.report(seconds: 10, disturbedAt: 5)
    report.judge(by: ReportFixtures.thresholds)
    report.clockErrorMilliseconds = 0.25
    let text = ReportTable.render(report)
    #expect(text.contains("FAILED: 1,234 lost, 56 recovered late; 2 thresholds failed"))
    #expect(text.contains("pass  reordered == 0  (0)"))
    #expect(text.contains("FAIL  presence.p99 < 1s  (not measured)"))
    #expect(text.contains("56 recovered late"))
    #expect(text.contains("close_1012 12, lost 800"))
    #expect(text.contains("drop 40 %: cut 800 connections"))
    #expect(text.contains("lost: member 3, publisher 7, sequences 4–9"))
    #expect(text.contains("differ by up to 0.250 ms"))
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 110 })
  }

  @Test func `Foreign events are told where there were some`() {
    var report = ReportFixtures.report(seconds: 3)
    #expect(!ReportTable.render(report).contains("foreign"))
    report.deliveries.foreign = 1200
    for text in [ReportTable.render(report), HTMLReport.render(report)] {
      #expect(text.contains("1,200 foreign, of other runs or publishers, ignored"))
    }
  }

  @Test func `The verdict says that publications were rejected`() {
    var report = ReportFixtures.report(seconds: 3)
    report.publications.unacknowledged = 5
    #expect(ReportText.verdict(report) == "FAILED: 5 unacknowledged")
    report.publications.rejected = 2
    #expect(
      ReportText.verdict(report) == "FAILED: 5 unacknowledged (2 of them rejected, see errors)")
    report.publications.rejected = 5
    #expect(ReportText.verdict(report) == "FAILED: 5 unacknowledged (rejected, see errors)")
  }

  @Test func `CSV has a row for each interval, and cells of what did not occur are empty`() {
    var report = ReportFixtures.report(seconds: 5)
    report.intervals[1].phase = "a \"b\", c"
    report.intervals[2].latencies = .init()
    let lines = IntervalTable.render(report.intervals).split(separator: "\n")
    #expect(lines.count == 6)
    let columns = lines[0].split(separator: ",")
    #expect(columns.count == 47 && columns.contains("deliver_p99_ms"))
    #expect(lines[2].contains(",\"a \"\"b\"\", c\","))
    #expect(lines[1].split(separator: ",", omittingEmptySubsequences: false).count == 47)
    #expect(lines[3].hasSuffix(",0,,,,,0,,,,,0,,,,,0,,,,,0,,,,,0,,,,"))
  }

  @Test func `There is a percentile file for each latency that occurred`() {
    let files = PercentileFiles.render(ReportFixtures.report(seconds: 5))
    #expect(
      files.map(\.name) == ["connect.hgrm", "join.hgrm", "acknowledge.hgrm", "deliver.hgrm"])
    #expect(files.allSatisfy { $0.text.contains("1/(1-Percentile)") })
  }

  @Test func `Prometheus text has every total once, and cumulative buckets`() {
    var totals = RunTotals()
    totals.counters.sent = 12
    totals.cpuSeconds = 1.5
    var latencies = Latencies()
    for milliseconds in [1, 40, 40, 3000] as [UInt64] {
      latencies.deliver.record(nanoseconds: milliseconds * 1_000_000)
    }
    totals.latencies = latencies.distributions
    let lines = PrometheusText.render(totals).split(separator: "\n").map(String.init)
    #expect(lines.contains("martlet_loadtest_publications_total 12"))
    #expect(lines.contains("# TYPE martlet_loadtest_joined_clients gauge"))
    #expect(lines.contains("martlet_loadtest_cpu_seconds_total 1.5"))
    func bucket(_ bound: String) -> String {
      "martlet_loadtest_latency_seconds_bucket{kind=\"deliver\",le=\"\(bound)\"}"
    }
    for (bound, count) in [("0.0005", 0), ("0.0025", 1), ("0.05", 3), ("5", 4), ("+Inf", 4)] {
      #expect(lines.contains("\(bucket(bound)) \(count)"))
    }
    #expect(lines.contains("martlet_loadtest_latency_seconds_count{kind=\"deliver\"} 4"))
    let names = lines.filter { $0.hasPrefix("# TYPE") }
    #expect(Set(names).count == names.count)
  }

  @Test func `Numbers read well`() {
    #expect(NumberText.count(1_234_567) == "1,234,567")
    #expect(NumberText.count(-123) == "-123")
    #expect(NumberText.decimal(1234.5) == "1,234.50")
    #expect(NumberText.decimal(-0.001) == "0.00")
    #expect(NumberText.decimal(1e300) == "1e+300")
    #expect(
      [0.0126, 1.234, 12.34, 1234.4].map(NumberText.milliseconds) == [
        "0.013", "1.23", "12.3", "1,234",
      ])
    #expect([0.5, 59.6, 61, 3605].map(NumberText.clock) == ["0.5 s", "60 s", "1:01", "1:00:05"])
  }
}

@Suite struct ProgressLineTests {
  private let sample = ProgressSample(
    phase: "steady", elapsedSeconds: 75, plannedSeconds: 150, joined: 950, clients: 1000,
    sentPerSecond: 1234.4, deliveredPerSecond: 20_000, deliverP50: 1.5, deliverP99: 22,
    errors: 3, outstanding: 12)

  @Test func `A log line has everything`() {
    #expect(
      ProgressLine.plain(sample)
        == "steady  1:15/2:30  joined 950/1,000  sent 1,234/s  delivered 20,000/s  p50 1.50 ms"
        + "  p99 22.0 ms  outstanding 12  errors 3")
  }

  @Test func `A terminal's line fits, keeps the important, and has a bar where there is room`() {
    for width in 1...200 {
      #expect(ProgressLine.fitted(sample, width: width).count < max(2, width))
    }
    let wide = ProgressLine.fitted(sample, width: 200)
    #expect(wide.hasPrefix("[============>           ]  steady"))
    #expect(wide.hasSuffix(ProgressLine.plain(sample)))
    let narrow = ProgressLine.fitted(sample, width: 40)
    #expect(narrow.contains("1:15/2:30") && narrow.contains("errors 3"))
    #expect(!narrow.contains("outstanding"))
    var done = sample
    done.elapsedSeconds = 151
    #expect(ProgressLine.fitted(done, width: 200).contains("=]"))
    done.plannedSeconds = nil
    #expect(!ProgressLine.fitted(done, width: 200).contains("["))
  }

  @Test func `Where all is ephemeral, the line has it`() {
    var record = ReportFixtures.report(seconds: 4).intervals[3]
    record.ephemeralSent = 70
    record.ephemeralReceived = 1400
    func line() -> String {
      ProgressLine.plain(ProgressSample(record, plannedSeconds: nil, errors: 0))
    }
    #expect(!line().contains("ephemeral"))
    (record.sent, record.delivered) = (0, 0)
    #expect(line().contains("  ephemeral sent 70/s  received 1,400/s  "))
  }

  @Test func `A sample of an interval has its rates and percentiles`() {
    let record = ReportFixtures.report(seconds: 4).intervals[3]
    let sample = ProgressSample(record, plannedSeconds: 9, errors: 2)
    #expect(sample.elapsedSeconds == 4 && sample.phase == record.phase)
    #expect(sample.sentPerSecond == Double(record.sent))
    #expect(sample.deliverP99 == record.latencies.deliver.percentile(99))
  }
}

import Foundation
import Testing

@testable import MartletLoadTest

@Suite struct HTMLReportTests {
  @Test func `The page needs nothing from a network and has its parts`() {
    var report = ReportFixtures.report(seconds: 60, disturbedAt: 30)
    report.judge(by: ReportFixtures.thresholds)
    let page = HTMLReport.render(report)
    for forbidden in ["http://", "https://", "<script src", "<link", "@import", "url("] {
      #expect(!page.contains(forbidden), "\(forbidden)")
    }
    for part in [
      "FAILED: 1,234 lost", "✗ fail", "✓ pass", "Delivery latency", "Latency by percentile",
      "drop 40 %", "prefers-color-scheme:dark", "@media print",
    ] {
      #expect(page.contains(part), "\(part)")
    }
    #expect(page.components(separatedBy: "<svg").count == 7)
    #expect(
      page.components(separatedBy: "<svg").count
        == page.components(separatedBy: "role=\"img\"").count)
  }

  @Test func `Page and table say when it was, and whose the latencies are`() {
    var report = ReportFixtures.report(seconds: 5)
    let whose = "presence are those of 1,250 clients; the others read now and then"
    for text in [HTMLReport.render(report), ReportTable.render(report)] {
      #expect(text.contains("2026-11-27T12:00:00Z, 5") && !text.contains(whose))
    }
    report.observers = 1250
    for text in [HTMLReport.render(report), ReportTable.render(report)] {
      #expect(text.contains("2026-11-27T12:00:00Z, 5") && text.contains(whose))
    }
  }

  @Test func `Counts lie in the middle of their interval, gauges change at its end`() throws {
    var report = ReportFixtures.empty()
    report.intervals = (0..<4).map { index in
      var record = IntervalRecord(startSeconds: Double(index), lengthSeconds: 1, phase: "")
      record.planned = 10
      record.joined = index < 2 ? 10 : 5
      record.sent = 10
      return record
    }
    // A plot begins at 66 and is 916 wide, so that a second is 229; 10 and 5 of its 12 are at 54.7 and 136.3.
    let page = HTMLReport.render(report)
    for line in [
      "d=\"M295 54.7H524V54.7H753V136.3H982V136.3\"><title>joined</title>",
      "d=\"M295 54.7H524V54.7H753V54.7H982V54.7\"><title>planned</title>",
      "d=\"M180.5 54.7L409.5 54.7L638.5 54.7L867.5 54.7\"><title>sent</title>",
    ] {
      #expect(page.contains(line), "\(line)")
    }
    #expect(page.contains("<title>2.0 s to 3.0 s\nplanned 10\njoined 5</title>"))
  }

  @Test func `Where all is ephemeral, that is what the key figures have`() throws {
    var report = ReportFixtures.empty()
    report.publications.ephemeralSent = 1500
    report.publications.ephemeralSentPerSecond = 150
    report.deliveries.ephemeralReceived = 30_000
    report.deliveries.ephemeralReceivedPerSecond = 3000
    func tile(_ value: String, _ label: String) -> String { "<b>\(value)</b><span>\(label)</span>" }
    let page = HTMLReport.render(report)
    #expect(page.contains(tile("150/s", "ephemeral sent")))
    #expect(page.contains(tile("3,000/s", "ephemeral received")) && !page.contains("<b>0/s</b>"))
    #expect(
      ReportTable.render(report).contains("1,500 sent (150/s), 30,000 received (3,000/s)"))
    #expect(try ResultLines.read(ResultLines.render(report)) == report)
    // Results of versions without these rates.
    report.publications.ephemeralSentPerSecond = 0
    #expect(HTMLReport.render(report).contains(tile("1,500", "ephemeral sent")))
    report.publications.due = 1
    #expect(HTMLReport.render(report).contains(tile("0/s", "sent")))
  }

  @Test func `Text from outside is text on the page`() {
    var report = ReportFixtures.report(seconds: 5, disturbedAt: 2)
    let attack = "<script>alert('x\"')</script>&"
    report.scenario = .init(name: attack, summary: attack)
    report.commandLine = attack
    report.run = attack
    report.startedAt = attack
    report.phases[0].name = attack
    report.faults[0].action = attack
    report.faults[0].result = attack
    report.errors = [attack: 1]
    report.connections.ends = [attack: 1]
    report.thresholds = [
      ThresholdResult(
        threshold: ReportFixtures.threshold(attack, .count(.lost), .equal, 0), value: 1)
    ]
    report.processes = [attack, "b"].map {
      ProcessHealth(
        name: $0, loops: 1,
        health: GeneratorHealth(
          cpuSeconds: 1, cpuShare: 1, longestLagMilliseconds: 1, lateSends: 1, lateShare: 1))
    }
    let page = HTMLReport.render(report)
    #expect(!page.contains("<script>alert"))
    #expect(page.contains("&lt;script&gt;alert(&#39;x&quot;&#39;)&lt;/script&gt;&amp;"))
  }

  @Test func `Each interval says its values where the pointer is`() {
    let page = HTMLReport.render(ReportFixtures.report(seconds: 4))
    #expect(page.contains("<title>3.0 s to 4.0 s\nacknowledged 400\nsent 400</title>"))
  }

  @Test func `A report without anything is a page without plots`() {
    let page = HTMLReport.render(ReportFixtures.empty())
    #expect(page.contains("OK: nothing lost"))
    #expect(!page.contains("<svg"))
  }

  @Test func `An hour of seconds is a page that stays small`() {
    let page = HTMLReport.render(ReportFixtures.report(seconds: 3600))
    #expect(page.utf8.count < 600_000)
  }

  @Test func `A generator that was the bound is said at the top`() throws {
    var report = ReportFixtures.report(seconds: 5)
    report.generator.lateShare = 0.5
    let page = HTMLReport.render(report)
    let warning = try #require(page.range(of: "Generator-bound"))
    let tiles = try #require(page.range(of: "class=\"tiles\""))
    #expect(warning.lowerBound < tiles.lowerBound)
  }
}

@Suite struct AxisTests {
  @Test func `Amounts have a handful of round ticks up to at least the highest`() {
    for highest in [0, 0.3, 1, 7, 99, 100, 101, 2000, 123_456, 9e8] as [Double] {
      let axis = Axis.amounts(upTo: highest)
      #expect((3...7).contains(axis.ticks.count), "\(highest): \(axis.ticks.map(\.label))")
      #expect(axis.range.upperBound >= highest)
      #expect(Set(axis.ticks.map(\.label)).count == axis.ticks.count)
    }
    #expect(
      Axis.amounts(upTo: 2000).ticks.map(\.label) == [
        "0", "500", "1,000", "1,500", "2,000", "2,500",
      ])
  }

  @Test func `Latencies have whole decades around what was measured`() {
    let axis = Axis.latencies(0.4...35)
    #expect(axis.range == 0.1...100)
    #expect(
      axis.ticks.map(\.label).filter { !$0.isEmpty } == ["100 µs", "1 ms", "10 ms", "100 ms"])
    #expect(abs(axis.position(1) - 1.0 / 3) < 1e-9)
    #expect(Axis.latencies(1...1).range == 1...10)
    #expect(Axis.latencies(1000...60_000).range == 1000...100_000)
  }

  @Test func `Time has at most eleven ticks, and labels that differ`() {
    for end in [0, 0.7, 5, 59, 60, 61, 600, 3600, 86_400, 1e7] as [Double] {
      let axis = Axis.time(upTo: end)
      #expect((2...11).contains(axis.ticks.count), "\(end): \(axis.ticks.map(\.label))")
      #expect(Set(axis.ticks.map(\.label)).count == axis.ticks.count)
    }
  }

  @Test func `Percentiles end where the largest distribution does`() {
    #expect(Axis.percentiles(ofCount: 50).ticks.map(\.label) == ["0 %", "50 %", "90 %", "99 %"])
    #expect(Axis.percentiles(ofCount: 100_000).ticks.last?.label == "99.999 %")
    #expect(Axis.percentiles(ofCount: 24_000).range == 1...24_000)
  }
}

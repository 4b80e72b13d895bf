import Testing

@testable import MartletLoadTest

@Suite struct ReportMergeTests {
  @Test func `Reports of two processes add up, and thresholds are judged anew`() throws {
    var one = ReportFixtures.report(seconds: 20)
    let other = ReportFixtures.report(seconds: 12, disturbedAt: 8)
    let lost = ReportFixtures.threshold("lost == 0", .count(.lost), .equal, 0)
    one.judge(by: [lost])
    one.clockErrorMilliseconds = 0.4
    #expect(one.exitStatus == .ok)

    let merged = one.merged(with: other)
    #expect(merged.clients == 4000 && merged.groups == 100)
    #expect(merged.workers == 2 && merged.loops == 4)
    #expect(merged.runSeconds == 20)
    #expect(merged.publications.sent == one.publications.sent + other.publications.sent)
    #expect(merged.deliveries.lost == 1234)
    #expect(merged.connections.ends == ["lost": 800, "close_1012": 12])
    #expect(merged.latencies.deliver.count == 32 * 200)
    #expect(merged.latencies.deliver == merged.histograms.deliver.summary)
    #expect(merged.intervals.count == 20)
    #expect(merged.intervals.reduce(0) { $0 + $1.sent } == merged.publications.sent)
    #expect(merged.thresholds.map(\.value) == [1234])
    // What came late is judged by no threshold.
    #expect(merged.exitStatus == .failed)
    #expect(merged.clockErrorMilliseconds == 0.4)
    #expect(merged.phases.map(\.name) == ["ramp", "steady", "peak"])
    #expect(merged.phases.last?.endSeconds == 20 && merged.phases.last?.beginSeconds == 9)
    #expect(merged.faults.count == 2)
    #expect(merged.processes.count == 2)
  }

  @Test func `Observers of processes add up, where only some observe as where all do`() {
    var some = ReportFixtures.empty()
    some.clients = 100
    some.observers = 5
    var all = ReportFixtures.empty()
    all.clients = 30
    #expect(some.merged(with: some).observers == 10)
    #expect(some.merged(with: all).observers == 35 && all.merged(with: some).observers == 35)
    #expect(all.merged(with: all).observers == nil)
  }

  @Test func `Merging is the same in groups and all at once`() throws {
    let reports = [3, 5, 8].map { ReportFixtures.report(seconds: $0) }
    let all = try #require(LoadTestReport.merge(reports))
    let groups = reports[0].merged(with: reports[1]).merged(with: reports[2])
    #expect(all.histograms == groups.histograms)
    #expect(all.latencies == groups.latencies)
    #expect(all.publications == groups.publications)
    #expect(all.intervals.map(\.sent) == groups.intervals.map(\.sent))
    #expect(LoadTestReport.merge([]) == nil)
    #expect(LoadTestReport.merge([reports[0]]) == reports[0])
  }

  @Test func `A process at its limit is not hidden by an idle one`() {
    var bound = ReportFixtures.report(seconds: 4)
    bound.run = "busy"
    bound.generator.cpuShare = 1
    #expect(bound.isGeneratorBound)
    let merged = bound.merged(with: ReportFixtures.report(seconds: 4))
    #expect(merged.generator.cpuShare < GeneratorHealth.cpuShareLimit)
    #expect(merged.generatorBoundReasons == ["busy: it used 100.00 % of its loops' cores"])
  }

  @Test func `Of each kind of deviation the first few are kept`() {
    var report = ReportFixtures.empty()
    report.deliveries.offenders = (0..<7).map {
      Offender(kind: .lost, member: $0, publisher: 0, firstSequence: 0, lastSequence: 0)
    }
    let merged = report.merged(with: report)
    #expect(merged.deliveries.offenders.count == 10)
  }
}

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

  @Test func `What is in two results is found before it counts twice`() throws {
    var reports = [3, 5, 8].map { ReportFixtures.report(seconds: $0) }
    for index in reports.indices { reports[index].run = "r\(index)" }
    #expect(LoadTestReport.repeated(in: reports) == nil)
    let same = try #require(LoadTestReport.repeated(in: reports + [reports[1]]))
    #expect(same == (1, 3, "r1"))
    // A sum has what it was made of.
    let sum = reports[0].merged(with: reports[1])
    #expect(try #require(LoadTestReport.repeated(in: [sum, reports[1]])) == (0, 1, "r1"))
    #expect(LoadTestReport.repeated(in: [sum, reports[2]]) == nil)
    // Workers share the identifier of their run, and workers of different runs a name.
    var worker = ReportFixtures.report(seconds: 3)
    worker.processes = ["worker 0", "worker 1"].map {
      ProcessHealth(name: $0, loops: 1, health: ReportFixtures.healthy)
    }
    var other = worker
    for index in other.processes.indices { other.processes[index].health.cpuSeconds += 0.001 }
    #expect(LoadTestReport.repeated(in: [worker, other]) == nil)
    other.processes[1] = worker.processes[1]
    #expect(try #require(LoadTestReport.repeated(in: [worker, other])) == (0, 1, "worker 1"))
  }

  @Test func `A sum of different scenarios says so`() throws {
    let one = ReportFixtures.report(seconds: 3)
    #expect(one.merged(with: one).scenario == one.scenario)
    var other = one
    other.scenario = .init(name: "kanban", summary: "Boards.")
    let both = one.merged(with: other)
    #expect(both.scenario.name == "chat + kanban")
    for text in [ReportTable.render(both), HTMLReport.render(both)] {
      #expect(text.contains("chat + kanban") && text.contains("Results of different scenarios"))
    }
    let all = try #require(LoadTestReport.merge([one, other, one, ReportFixtures.empty()]))
    #expect(all.scenario.name == "chat + kanban + flags alone")
    #expect(both.merged(with: both).scenario == both.scenario)
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

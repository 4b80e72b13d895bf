import NIOCore
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

  private func report(_ change: (inout ReportBuilder) -> Void = { _ in }) -> LoadTestReport {
    var builder = ReportBuilder(
      settings: Fixtures.settings(), run: .example, snapshot: .init(),
      outcome: .init(counters: LoadCounters(), latencies: Latencies(), offenders: [], clients: []),
      loops: 2, publishingSeconds: 10, totalSeconds: 11, cpuSeconds: 5, isInterrupted: false)
    builder.outcome.clients = (0..<4).map {
      ($0, Verdict.Client(ledger: MemberLedger(publishers: 2), due: 0, unacknowledged: .init()))
    }
    change(&builder)
    return builder.build()
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

  @Test func `The table says that the generator was the bound, and why`() {
    let bound = report { $0.cpuSeconds = 19 }
    #expect(bound.isGeneratorBound)
    #expect(bound.generator.cpuShare == 0.95)
    #expect(ReportTable.render(bound).contains("GENERATOR-BOUND"))
    #expect(ReportTable.render(bound).contains("it used 95.00 % of its loops' cores"))
    #expect(!ReportTable.render(report()).contains("GENERATOR-BOUND"))
  }

  @Test func `The exit status follows from the counts`() {
    #expect(report().exitStatus == .ok)
    #expect(report { $0.isInterrupted = true }.exitStatus == .interrupted)
    #expect(report { $0.outcome.counters.duplicated = 1 }.exitStatus == .failed)
    #expect(report { $0.outcome.counters.reordered = 1 }.exitStatus == .failed)
    #expect(report { $0.outcome.counters.overtaken = 1 }.exitStatus == .ok)
    #expect(report { $0.outcome.clients[0].client.due = 1 }.exitStatus == .failed)
    let unacknowledged = report {
      $0.outcome.clients[0].client.due = 1
      $0.outcome.clients[0].client.unacknowledged.insert(0)
    }
    #expect(unacknowledged.deliveries.lost == 0)
    #expect(unacknowledged.publications.unacknowledged == 1)
    #expect(unacknowledged.exitStatus == .failed)
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

  @Test func `Progress has rates since the previous sample`() {
    let start = ContinuousClock.now
    var meter = ProgressMeter(phase: .run, clients: 4, now: start)
    var snapshot = LoopWorker.Snapshot()
    snapshot.counters.sent = 100
    #expect(meter.update(snapshot, start, interval: .seconds(1)) == nil)
    snapshot.counters.sent = 120
    snapshot.counters.delivered = 50
    snapshot.expected = 60
    snapshot.joined = 3
    snapshot.counters.errors = ["unavailable": 2]
    #expect(meter.update(snapshot, start + .milliseconds(500), interval: .seconds(1)) == nil)
    let sample = meter.update(snapshot, start + .seconds(2), interval: .seconds(1))
    let text = sample.map(ProgressLine.plain)
    #expect(
      text == "run  0:02  joined 3/4  sent 10/s  delivered 25/s  outstanding 10  errors 2")
  }
}

@Suite struct RunContextTests {
  @Test func `The path names the group, and the position is escaped`() throws {
    var settings = Fixtures.settings()
    let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
    func target(_ position: Position?) throws -> String {
      try RunContext(settings: settings, run: .example, addresses: [address])
        .requestTarget(group: 7, position: position)
    }
    #expect(try target(nil) == "/ws/load/7/")
    #expect(
      try target(Position(epoch: "a+b é", offset: 3)) == "/ws/load/7/?epoch=a%2Bb%20%C3%A9&offset=3"
    )
    settings.path = "/x/{group}?room={group}"
    #expect(try target(Position(epoch: "e", offset: 0)) == "/x/7?room=7&epoch=e&offset=0")
  }

  @Test func `Every client is counted in one group`() throws {
    var settings = Fixtures.settings()
    settings.clients = 11
    settings.groups = 4
    let context = try RunContext(settings: settings, run: .example, addresses: [])
    #expect((0..<4).map(context.members(ofGroup:)) == [3, 3, 3, 2])
  }
}

import MartletTestSupport

@testable import MartletLoadTest

/// Reports for renderings, the same on every call.
enum ReportFixtures {
  static let healthy = GeneratorHealth(
    cpuSeconds: 3.2, cpuShare: 0.05, longestLagMilliseconds: 4.2, lateSends: 3, lateShare: 0.00001)

  /// Nothing happened.
  static func empty() -> LoadTestReport {
    LoadTestReport(
      commandLine: "martlet-loadtest run", run: "r0", clients: 0, groups: 0, runSeconds: 0,
      isInterrupted: false, connections: .init(), publications: .init(), deliveries: .init(),
      histograms: .init(), errors: [:],
      generator: GeneratorHealth(
        cpuSeconds: 0, cpuShare: 0, longestLagMilliseconds: 0, lateSends: 0, lateShare: 0))
  }

  /// A ramp, a steady phase, a peak.
  ///
  /// - Parameter disturbedAt: a fault after which latencies rise.
  static func report(seconds: Int, disturbedAt fault: Int? = nil) -> LoadTestReport {
    var generator = SeededGenerator(seed: UInt64(seconds))
    var recorder = IntervalRecorder()
    var totals = RunTotals()
    for second in 0..<seconds {
      let distance = fault.map { second - $0 } ?? -1
      let isDisturbed = (0..<8).contains(distance)
      let share = min(1, Double(second + 1) / Double(seconds) * 4)
      totals.planned = Int(2000 * share)
      totals.joined = isDisturbed ? totals.planned * (60 + 5 * distance) / 100 : totals.planned
      let sent = totals.joined / 5 * (second * 4 > seconds * 3 ? 2 : 1)
      totals.counters.sent += sent
      totals.counters.acknowledged += sent
      totals.counters.delivered += sent * 20
      totals.counters.errors["unavailable", default: 0] += isDisturbed ? 12 : 0
      totals.counters.lostConnections += distance == 0 ? totals.planned * 4 / 10 : 0
      totals.cpuSeconds += 0.2
      totals.longestLagMilliseconds = Double.random(in: 0.1...4, using: &generator)
      let samples = seconds > 600 ? 30 : 200
      var bins = ByLatencyKind<Samples>()
      for _ in 0..<samples {
        let u = Double.random(in: 0.0001...1, using: &generator)
        let slow = isDisturbed ? 40.0 : 1
        Self.add(slow * 900_000 * (1 + 0.3 / u), to: &bins.deliver)
        Self.add(slow * 500_000 * (1 + 0.2 / u), to: &bins.acknowledge)
        if share < 1 {
          Self.add(300_000 * (1 + 0.1 / u), to: &bins.connect)
          Self.add(700_000 * (1 + 0.1 / u), to: &bins.join)
        }
        if isDisturbed { Self.add(2_000_000 / u, to: &bins.recover) }
      }
      totals.latencies.add(bins.map { LatencyDistribution($0.bins) })
      let phase = share < 1 ? "ramp" : second * 4 > seconds * 3 ? "peak" : "steady"
      recorder.update(totals, atSeconds: Double(second + 1), phase: phase)
    }
    return finish(totals, recorder.records, seconds: seconds, fault: fault)
  }

  private struct Samples: LatencyValue {
    var bins: [LatencyDistribution.Bin] = []
  }

  private static func add(_ nanoseconds: Double, to samples: inout Samples) {
    samples.bins.append(.init(microseconds: UInt64(nanoseconds / 1000), count: 1))
  }

  private static func finish(
    _ totals: RunTotals, _ intervals: [IntervalRecord], seconds: Int, fault: Int?
  ) -> LoadTestReport {
    var connections = LoadTestReport.Connections()
    connections.joined = totals.joined
    connections.attempts = totals.joined
    var publications = LoadTestReport.Publications()
    publications.due = totals.counters.sent
    publications.sent = totals.counters.sent
    publications.acknowledged = totals.counters.acknowledged
    publications.sentPerSecond = Double(totals.counters.sent) / Double(seconds)
    var deliveries = LoadTestReport.Deliveries()
    deliveries.expected = totals.counters.delivered
    deliveries.delivered = totals.counters.delivered
    deliveries.deliveredPerSecond = Double(totals.counters.delivered) / Double(seconds)
    var report = LoadTestReport(
      commandLine: "martlet-loadtest run --target ws://127.0.0.1:8080 chat.yaml", run: "r1",
      clients: totals.planned, groups: 100, runSeconds: Double(seconds), isInterrupted: false,
      connections: connections, publications: publications, deliveries: deliveries,
      histograms: totals.latencies,
      errors: totals.counters.errors.filter { $0.value > 0 },
      generator: healthy)
    report.scenario = .init(name: "chat", summary: "Rooms of twenty; a ramp, a plateau, a peak.")
    report.seed = 7
    report.startedAt = "2026-11-27T12:00:00Z"
    report.loops = 2
    report.intervals = intervals
    let end = Double(seconds)
    report.phases = [
      PhaseRecord(name: "ramp", beginSeconds: 0, endSeconds: end / 4, clients: totals.planned),
      PhaseRecord(
        name: "steady", beginSeconds: end / 4, endSeconds: end * 3 / 4, clients: totals.planned),
      PhaseRecord(
        name: "peak", beginSeconds: end * 3 / 4, endSeconds: end, clients: totals.planned),
    ]
    if let fault { disturb(&report, at: fault) }
    return report
  }

  private static func disturb(_ report: inout LoadTestReport, at fault: Int) {
    report.faults = [
      FaultRecord(atSeconds: Double(fault), action: "drop 40 %", result: "cut 800 connections"),
      FaultRecord(
        atSeconds: Double(fault) + 1, action: "run docker kill gateway-1", result: "exit status 1"),
    ]
    report.deliveries.lost = 1234
    report.deliveries.recoveredLate = 56
    report.connections.reconnects = 800
    report.connections.recovered = 790
    report.connections.notRecovered = 10
    report.connections.ends = ["lost": 800, "close_1012": 12]
    report.deliveries.offenders = [
      Offender(kind: .lost, member: 3, publisher: 7, firstSequence: 4, lastSequence: 9)
    ]
  }

  static func threshold(
    _ text: String, _ metric: Threshold.Metric, _ comparison: Threshold.Comparison, _ bound: Double
  ) -> Threshold {
    Threshold(text: text, metric: metric, comparison: comparison, bound: bound)
  }

  static let thresholds = [
    threshold("deliver.p99 < 200ms", .latency(.deliver, .p99), .below, 200),
    threshold("reordered == 0", .count(.reordered), .equal, 0),
    threshold("presence.p99 < 1s", .latency(.presence, .p99), .below, 1000),
  ]
}

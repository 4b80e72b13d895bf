/// Sentences and lists that the table and the page have in common.
enum ReportText {
  typealias Line = (label: String, text: String)

  static let generatorBound = "the latencies are those of this program, not of the server"

  static func verdict(_ report: LoadTestReport) -> String {
    let prefix = report.isInterrupted ? "INTERRUPTED, partial result: " : ""
    let found = report.deviations.filter { $0.count > 0 }.map { metric, count in
      let text = "\(NumberText.count(count)) \(metric.rawValue.replacing("_", with: " "))"
      return metric == .unacknowledged ? text + rejected(report) : text
    }
    let failed = report.thresholds.filter { !$0.holds }.count
    let broken =
      failed == 1 ? "1 threshold failed" : "\(NumberText.count(failed)) thresholds failed"
    guard found.isEmpty else {
      let list = found.joined(separator: ", ")
      if !report.unboundedDeviations.isEmpty {
        return prefix + "FAILED: " + list + (failed > 0 ? "; \(broken)" : "")
      }
      return prefix
        + (failed > 0 ? "FAILED: \(broken); \(list)" : "OK: \(list), as the thresholds allow")
    }
    if failed > 0 { return prefix + "FAILED: \(broken); nothing lost, duplicated or reordered" }
    return prefix + "OK: nothing lost, duplicated or reordered"
  }

  /// Why publications are unacknowledged, if it is known; their codes are among the errors.
  private static func rejected(_ report: LoadTestReport) -> String {
    let rejected = report.publications.rejected
    guard rejected > 0 else { return "" }
    return rejected < report.publications.unacknowledged
      ? " (\(NumberText.count(rejected)) of them rejected, see errors)" : " (rejected, see errors)"
  }

  /// What ran.
  static func head(_ report: LoadTestReport) -> [Line] {
    var lines: [Line] = []
    if !report.scenario.name.isEmpty {
      let summary = report.scenario.summary
      lines.append(("scenario", report.scenario.name + (summary.isEmpty ? "" : ": \(summary)")))
    }
    lines.append(("run", when(report)))
    if let observers = observers(report) { lines.append(("latencies", observers)) }
    return lines
  }

  /// When, how long, and by which seed.
  static func when(_ report: LoadTestReport) -> String {
    var begin: [String] = []
    if let startedAt = report.startedAt { begin.append(startedAt) }
    begin.append("\(NumberText.clock(report.runSeconds)) long")
    if let seed = report.seed { begin.append("seed \(seed)") }
    return begin.joined(separator: ", ")
  }

  /// Whose latencies count; nil: everybody's.
  static func observers(_ report: LoadTestReport) -> String? {
    report.observers.map {
      "of deliveries, acknowledgements and presence are those of \(NumberText.count($0)) clients; the others read now and then"
    }
  }

  static func counts(_ report: LoadTestReport) -> [Line] {
    let n = { (value: Int) in NumberText.count(value) }
    let connections = report.connections
    let publications = report.publications
    let deliveries = report.deliveries
    var lines: [Line] = [
      (
        "clients",
        "\(n(report.clients)) in \(n(report.groups)) groups, \(n(connections.joined)) joined at the end"
      ),
      (
        "connections",
        "\(n(connections.attempts)) attempts, \(n(connections.failedAttempts)) failed, "
          + "\(n(connections.reconnects)) reconnects"
      ),
      (
        "",
        "\(n(connections.recovered)) recovered, \(n(connections.notRecovered)) not recovered, "
          + "\(n(connections.resyncs)) resyncs"
      ),
      ("unasked ends", list(connections.ends)),
      (
        "publications",
        "\(n(publications.due)) due, \(n(publications.sent)) sent "
          + "(\(NumberText.rate(publications.sentPerSecond))/s), \(n(publications.resent)) sent again"
      ),
      (
        "",
        "\(n(publications.acknowledged)) acknowledged, \(n(publications.rejected)) rejected, "
          + "\(n(publications.unacknowledged)) unacknowledged"
      ),
      (
        "deliveries",
        "\(n(deliveries.expected)) expected, \(n(deliveries.delivered)) delivered "
          + "(\(NumberText.rate(deliveries.deliveredPerSecond))/s)"
      ),
      (
        "",
        "\(n(deliveries.lost)) lost, \(n(deliveries.duplicated)) duplicated, "
          + "\(n(deliveries.reordered)) reordered"
      ),
      (
        "",
        "\(n(deliveries.recoveredLate)) recovered late, "
          + "\(n(deliveries.overtaken)) overtaken by their publisher's retry"
      ),
    ]
    if deliveries.foreign > 0 {
      lines.append(("", "\(n(deliveries.foreign)) foreign, of other runs or publishers, ignored"))
    }
    if report.hasEphemeral {
      let sent = rate(publications.ephemeralSentPerSecond)
      let received = rate(deliveries.ephemeralReceivedPerSecond)
      lines.append(
        (
          "ephemeral",
          "\(n(publications.ephemeralSent)) sent\(sent), "
            + "\(n(deliveries.ephemeralReceived)) received\(received)"
        ))
    }
    lines.append(("errors", list(report.errors)))
    lines.append(("generator", health(report.generator)))
    if report.workers > 1 {
      lines.append(
        ("", "\(n(report.workers)) processes with \(n(report.loops)) event loops together"))
    }
    if report.processes.count > 1 {
      lines += report.processes.map { ("", "\($0.name): \(health($0.health))") }
    }
    if let error = report.clockErrorMilliseconds {
      lines.append(
        ("clocks", "of the machines differ by up to \(NumberText.milliseconds(error)) ms"))
    }
    return lines
  }

  /// Older results do not have the rates of ephemeral events.
  private static func rate(_ rate: Double) -> String {
    rate > 0 ? " (\(NumberText.rate(rate))/s)" : ""
  }

  static func health(_ health: GeneratorHealth) -> String {
    "\(NumberText.decimal(health.cpuSeconds)) s of CPU (\(NumberText.percent(health.cpuShare)) of its loops), "
      + "max loop lag \(NumberText.milliseconds(health.longestLagMilliseconds)) ms, "
      + "\(NumberText.count(health.lateSends)) late sends"
  }

  static func fault(_ fault: FaultRecord) -> String {
    "\(NumberText.clock(fault.atSeconds))  \(fault.action): \(fault.result ?? "the run ended before")"
  }

  static func list(_ counts: [String: Int]) -> String {
    guard !counts.isEmpty else { return "none" }
    return counts.sorted { $0.key < $1.key }
      .map { "\($0.key) \(NumberText.count($0.value))" }.joined(separator: ", ")
  }
}

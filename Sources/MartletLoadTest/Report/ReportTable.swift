/// The report as a person reads it.
package enum ReportTable {
  private static let labelWidth = 16
  private static let columnWidth = 11

  package static func render(_ report: LoadTestReport) -> String {
    var lines: [String] = [""]
    lines.append(verdict(report))
    if report.isGeneratorBound {
      lines.append("GENERATOR-BOUND: the latencies are those of this program, not of the server:")
      for reason in report.generator.reasons { lines.append("  \(reason)") }
    }
    lines.append("")
    lines += latencies(report)
    lines.append("")
    lines += counts(report)
    if !report.deliveries.offenders.isEmpty {
      lines.append("")
      lines.append("The first deviations of each kind:")
      lines += report.deliveries.offenders.map { "  \($0.description)" }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func verdict(_ report: LoadTestReport) -> String {
    let prefix = report.isInterrupted ? "INTERRUPTED, partial result: " : ""
    guard !report.isClean else { return prefix + "OK: nothing lost, duplicated or reordered" }
    let counts = [
      (report.deliveries.lost, "lost"), (report.deliveries.duplicated, "duplicated"),
      (report.deliveries.reordered, "reordered"),
      (report.publications.unacknowledged, "unacknowledged"),
    ]
    let found = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return prefix + "FAILED: " + found.joined(separator: ", ")
  }

  private static func latencies(_ report: LoadTestReport) -> [String] {
    let headings = ["count", "p50", "p90", "p99", "p99.9", "max"]
    var lines = [row("latency (ms)", headings)]
    let summaries = [
      ("connect", report.latencies.connect), ("join", report.latencies.join),
      ("publish-ack", report.latencies.acknowledge), ("deliver", report.latencies.deliver),
    ]
    for (name, summary) in summaries {
      let values = [summary.p50, summary.p90, summary.p99, summary.p999, summary.maximum]
      lines.append(row(name, ["\(summary.count)"] + values.map(number)))
    }
    return lines
  }

  private static func counts(_ report: LoadTestReport) -> [String] {
    let connections = report.connections
    let publications = report.publications
    let deliveries = report.deliveries
    let generator = report.generator
    return [
      line(
        "clients",
        "\(report.clients) in \(report.groups) groups, \(connections.joined) joined at the end"),
      line(
        "connections",
        "\(connections.attempts) attempts, \(connections.failedAttempts) failed, "
          + "\(connections.reconnects) reconnects, \(connections.recovered) recovered, "
          + "\(connections.notRecovered) not recovered, \(connections.resyncs) resyncs"),
      line("unasked ends", list(connections.ends)),
      line(
        "publications",
        "\(publications.due) due, \(publications.sent) sent (\(number(publications.sentPerSecond))/s), "
          + "\(publications.resent) sent again, \(publications.acknowledged) acknowledged, "
          + "\(publications.unacknowledged) unacknowledged"),
      line(
        "deliveries",
        "\(deliveries.expected) expected, \(deliveries.delivered) delivered "
          + "(\(number(deliveries.deliveredPerSecond))/s)"),
      line(
        "",
        "\(deliveries.lost) lost, \(deliveries.duplicated) duplicated, "
          + "\(deliveries.reordered) reordered, \(deliveries.overtaken) overtaken by their publisher's retry"
      ),
      line("errors", list(report.errors)),
      line(
        "generator",
        "\(number(generator.cpuSeconds)) s of CPU (\(percent(generator.cpuShare)) of its loops), "
          + "max loop lag \(number(generator.longestLagMilliseconds)) ms, "
          + "\(generator.lateSends) late sends"),
    ]
  }

  private static func list(_ counts: [String: Int]) -> String {
    guard !counts.isEmpty else { return "none" }
    return counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      .joined(separator: ", ")
  }

  private static func line(_ label: String, _ text: String) -> String {
    label + String(repeating: " ", count: max(1, labelWidth - label.count)) + text
  }

  private static func row(_ label: String, _ columns: [String]) -> String {
    let cells = columns.map {
      String(repeating: " ", count: max(1, columnWidth - $0.count)) + $0
    }
    return label + String(repeating: " ", count: max(1, labelWidth - label.count - 8))
      + cells.joined()
  }

  /// Two decimals, without a locale.
  static func number(_ value: Double) -> String {
    let hundredths = Int64((value * 100).rounded())
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
  }

  static func percent(_ share: Double) -> String { number(share * 100) + " %" }
}

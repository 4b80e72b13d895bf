/// The report as a person reads it on a terminal.
package enum ReportTable {
  private static let labelWidth = 16
  private static let columnWidth = 11

  package static func render(_ report: LoadTestReport) -> String {
    var blocks = [[ReportText.verdict(report)] + generatorWarning(report)]
    blocks.append(head(report))
    blocks.append(thresholds(report))
    blocks.append(latencies(report))
    blocks.append(counts(report))
    blocks.append(faults(report))
    if !report.deliveries.offenders.isEmpty {
      blocks.append(
        ["The first deviations of each kind:"]
          + report.deliveries.offenders.map { "  \($0.description)" })
    }
    let text = blocks.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
    return "\n" + text.joined(separator: "\n\n") + "\n"
  }

  private static func generatorWarning(_ report: LoadTestReport) -> [String] {
    let reasons = report.generatorBoundReasons
    guard !reasons.isEmpty else { return [] }
    return ["GENERATOR-BOUND: \(ReportText.generatorBound):"] + reasons.map { "  \($0)" }
  }

  private static func head(_ report: LoadTestReport) -> [String] {
    ReportText.head(report).map { line($0.label, $0.text) }
  }

  private static func thresholds(_ report: LoadTestReport) -> [String] {
    report.thresholds.enumerated().map { index, result in
      line(
        index == 0 ? "thresholds" : "",
        "\(result.holds ? "pass" : "FAIL")  \(result.threshold.text)  (\(result.valueText))")
    }
  }

  private static func latencies(_ report: LoadTestReport) -> [String] {
    let kinds = LatencyKind.allCases.filter { report.latencies[$0].count > 0 }
    guard !kinds.isEmpty else { return [] }
    let headings = ["count", "p50", "p90", "p99", "p99.9", "max"]
    return [row("latency (ms)", headings)]
      + kinds.map { kind in
        let summary = report.latencies[kind]
        let values = [summary.p50, summary.p90, summary.p99, summary.p999, summary.maximum]
        return row(
          kind.label, [NumberText.count(summary.count)] + values.map(NumberText.milliseconds))
      }
  }

  private static func counts(_ report: LoadTestReport) -> [String] {
    ReportText.counts(report).map { line($0.label, $0.text) }
  }

  private static func faults(_ report: LoadTestReport) -> [String] {
    report.faults.enumerated().map { index, fault in
      line(index == 0 ? "faults" : "", ReportText.fault(fault))
    }
  }

  private static func line(_ label: String, _ text: String) -> String {
    label + String(repeating: " ", count: max(1, labelWidth - label.count)) + text
  }

  private static func row(_ label: String, _ columns: [String]) -> String {
    let cells = columns.map {
      String(repeating: " ", count: max(1, columnWidth - $0.count)) + $0
    }
    return label + String(repeating: " ", count: max(1, labelWidth - label.count))
      + cells.joined()
  }
}

extension LatencyKind {
  /// As people call it.
  var label: String {
    switch self {
    case .connect: "connect"
    case .join: "join"
    case .acknowledge: "publish-ack"
    case .deliver: "deliver"
    case .recover: "recover"
    case .presence: "presence"
    }
  }
}

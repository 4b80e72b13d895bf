/// The report as one page that needs nothing else: no network, no library, no script.
package enum HTMLReport {
  package static func render(_ report: LoadTestReport) -> String {
    let name = report.scenario.name.isEmpty ? "Load test" : report.scenario.name
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(HTMLText.escaped("\(name): \(ReportText.verdict(report))"))</title>
      <style>
      \(HTMLStyle.sheet)
      </style>
      </head>
      <body>
      <main>
      \(head(report, name))\(verdict(report))\(tiles(report))\(thresholds(report))\
      \(section("Course of the run", ReportPlots(report).html))\
      \(latencies(report))\(phases(report))\(faults(report))\(counts(report))\(generator(report))\
      \(offenders(report))\(section("Command", "<pre>\(HTMLText.escaped(report.commandLine))</pre>"))
      </main>
      </body>
      </html>

      """
  }

  // MARK: Top

  private static func head(_ report: LoadTestReport, _ name: String) -> String {
    let summary = report.scenario.summary
    let observers = ReportText.observers(report).map { "Latencies \($0)." } ?? ""
    return "<header><h1>\(HTMLText.escaped(name))</h1>"
      + (summary.isEmpty ? "" : "<p>\(HTMLText.escaped(summary))</p>")
      + "<p class=\"soft\">\(HTMLText.escaped("\(ReportText.when(report)), run \(report.run)"))</p>"
      + (observers.isEmpty ? "" : "<p class=\"soft\">\(HTMLText.escaped(observers))</p>")
      + "</header>\n"
  }

  private static func verdict(_ report: LoadTestReport) -> String {
    let isBad = report.exitStatus != .ok
    var text =
      "<div class=\"verdict\(isBad ? " bad" : "")\" role=\"status\">\(HTMLText.escaped(ReportText.verdict(report)))</div>\n"
    let reasons = report.generatorBoundReasons
    if !reasons.isEmpty {
      let items = reasons.map { "<li>\(HTMLText.escaped($0))</li>" }.joined()
      text +=
        "<div class=\"bound\" role=\"alert\"><strong>Generator-bound: \(ReportText.generatorBound)</strong><ul>\(items)</ul></div>\n"
    }
    return text
  }

  private static func tiles(_ report: LoadTestReport) -> String {
    var tiles = [(NumberText.count(report.clients), "clients")] + traffic(report)
    let kind: LatencyKind = report.latencies.deliver.count > 0 ? .deliver : .join
    let summary = report.latencies[kind]
    if summary.count > 0 {
      tiles += [
        (NumberText.milliseconds(summary.p50) + " ms", "\(kind.label) p50"),
        (NumberText.milliseconds(summary.p99) + " ms", "\(kind.label) p99"),
        (NumberText.milliseconds(summary.maximum) + " ms", "\(kind.label) max"),
      ]
    }
    tiles.append((NumberText.count(report.deliveries.lost), "lost"))
    let html = tiles.map { "<div class=\"tile\"><b>\($0.0)</b><span>\($0.1)</span></div>" }
    return "<div class=\"tiles\">\(html.joined())</div>\n"
  }

  /// Of ephemeral events where there were no others.
  private static func traffic(_ report: LoadTestReport) -> [(String, String)] {
    let publications = report.publications
    let deliveries = report.deliveries
    guard publications.due == 0, deliveries.delivered == 0, report.hasEphemeral else {
      return [
        (NumberText.rate(publications.sentPerSecond) + "/s", "sent"),
        (NumberText.rate(deliveries.deliveredPerSecond) + "/s", "delivered"),
      ]
    }
    // Older results have counts alone.
    func amount(_ count: Int, _ rate: Double) -> String {
      rate > 0 ? NumberText.rate(rate) + "/s" : NumberText.count(count)
    }
    return [
      (amount(publications.ephemeralSent, publications.ephemeralSentPerSecond), "ephemeral sent"),
      (
        amount(deliveries.ephemeralReceived, deliveries.ephemeralReceivedPerSecond),
        "ephemeral received"
      ),
    ]
  }

  private static func thresholds(_ report: LoadTestReport) -> String {
    let rows = report.thresholds.map { result in
      [
        "<span class=\"\(result.holds ? "pass\">✓ pass" : "fail\">✗ fail")</span>",
        HTMLText.escaped(result.threshold.text), HTMLText.escaped(result.valueText),
      ]
    }
    return section(
      "Thresholds", table(["", "threshold", "measured"], rows, numeric: 2..<3, isNarrow: true))
  }

  // MARK: Tables

  private static func latencies(_ report: LoadTestReport) -> String {
    let rows = LatencyKind.allCases.filter { report.latencies[$0].count > 0 }.map { kind in
      let summary = report.latencies[kind]
      let values = [
        summary.minimum, summary.mean, summary.p50, summary.p90, summary.p99, summary.p999,
        summary.maximum,
      ]
      return [kind.label, NumberText.count(summary.count)] + values.map(NumberText.milliseconds)
    }
    let headings = ["", "count", "min", "mean", "p50", "p90", "p99", "p99.9", "max"]
    return section("Latencies in milliseconds", table(headings, rows, numeric: 1..<9))
  }

  private static func phases(_ report: LoadTestReport) -> String {
    let rows = report.phases.map { phase in
      [
        HTMLText.escaped(phase.name), NumberText.clock(phase.beginSeconds),
        NumberText.clock(phase.endSeconds), NumberText.count(phase.clients),
      ]
    }
    return section(
      "Phases", table(["phase", "begin", "end", "clients"], rows, numeric: 1..<4, isNarrow: true))
  }

  private static func faults(_ report: LoadTestReport) -> String {
    let rows = report.faults.enumerated().map { index, fault in
      [
        "\(index + 1)", NumberText.clock(fault.atSeconds), HTMLText.escaped(fault.action),
        HTMLText.escaped(fault.result ?? "the run ended before"),
      ]
    }
    return section("Faults", table(["", "at", "action", "result"], rows, numeric: 1..<2))
  }

  private static func counts(_ report: LoadTestReport) -> String {
    let lines = ReportText.counts(report).prefix { $0.label != "generator" }
    return section("Counts", definitions(lines))
  }

  private static func generator(_ report: LoadTestReport) -> String {
    let lines = ReportText.counts(report).drop { $0.label != "generator" }
    return section("Generator", definitions(lines))
  }

  private static func offenders(_ report: LoadTestReport) -> String {
    let items = report.deliveries.offenders.map { HTMLText.escaped($0.description) }
    guard !items.isEmpty else { return "" }
    return section(
      "The first deviations of each kind", "<pre>\(items.joined(separator: "\n"))</pre>")
  }

  private static func section(_ title: String, _ content: String) -> String {
    content.isEmpty ? "" : "<section><h2>\(title)</h2>\n\(content)</section>\n"
  }

  private static func definitions(_ lines: some Sequence<ReportText.Line>) -> String {
    var rows: [String] = []
    for line in lines {
      let text = HTMLText.escaped(line.text)
      if line.label.isEmpty, !rows.isEmpty {
        rows[rows.count - 1] += "<br>\(text)"
      } else {
        rows.append("<tr><th scope=\"row\">\(HTMLText.escaped(line.label))</th><td>\(text)")
      }
    }
    return "<table><tbody>\(rows.joined(separator: "</td></tr>\n"))</td></tr></tbody></table>"
  }

  /// - Parameter rows: of HTML.
  private static func table(
    _ headings: [String], _ rows: [[String]], numeric: Range<Int>, isNarrow: Bool = false
  ) -> String {
    guard !rows.isEmpty else { return "" }
    func cells(_ name: String, _ texts: [String]) -> String {
      texts.enumerated().map { index, text in
        "<\(name)\(numeric.contains(index) ? " class=\"n\"" : "")>\(text)</\(name)>"
      }.joined()
    }
    let body = rows.map { "<tr>\(cells("td", $0))</tr>" }.joined(separator: "\n")
    return
      "<div class=\"scroll\"><table\(isNarrow ? " class=\"narrow\"" : "")><thead><tr>\(cells("th", headings))</tr></thead><tbody>\(body)</tbody></table></div>"
  }
}

/// What a search for the largest load says to a person.
package enum CapacityText {
  /// One trial.
  package static func line(_ attempt: FindMax.Attempt, _ search: MaximumSearch) -> String {
    let report = attempt.report
    let verdict = attempt.reasons.isEmpty ? "holds" : attempt.reasons.joined(separator: "; ")
    return "\(load(attempt.load, search)): \(verdict) (deliver p99 "
      + "\(NumberText.milliseconds(report.latencies.deliver.p99)) ms, "
      + "\(NumberText.rate(report.deliveries.deliveredPerSecond)) deliveries/s)"
  }

  /// What was found.
  package static func conclusion(_ result: FindMax.Result, _ search: MaximumSearch) -> String {
    var lines = ["", "trials:"]
    lines += result.attempts.map { "  " + line($0, search) }
    lines.append("")
    if let best = result.best {
      let end =
        result.search.worst.map { "; \(load($0, search)) is too much" }
        ?? "; nothing larger was tried"
      lines.append("largest load that holds: \(load(best.load, search))\(end)")
    } else {
      lines.append("no load that was tried holds")
    }
    if result.isInterrupted { lines.append("interrupted: the search is not finished") }
    return lines.joined(separator: "\n")
  }

  private static func load(_ load: Double, _ search: MaximumSearch) -> String {
    switch search.raised {
    case .clients: "\(NumberText.count(Int(load))) clients"
    case .rate: "\(NumberText.rate(load)) publications/s of each client"
    }
  }
}

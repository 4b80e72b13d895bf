/// The time series as CSV (RFC 4180 with line feeds): a row for each interval.
package enum IntervalTable {
  private static let columns: [(name: String, value: @Sendable (IntervalRecord) -> String)] = [
    ("start_seconds", { "\($0.startSeconds)" }), ("length_seconds", { "\($0.lengthSeconds)" }),
    ("phase", { quoted($0.phase) }), ("planned", { "\($0.planned)" }),
    ("joined", { "\($0.joined)" }), ("outstanding", { "\($0.outstanding)" }),
    ("connects", { "\($0.connects)" }), ("sent", { "\($0.sent)" }),
    ("acknowledged", { "\($0.acknowledged)" }), ("delivered", { "\($0.delivered)" }),
    ("ephemeral_sent", { "\($0.ephemeralSent)" }),
    ("ephemeral_received", { "\($0.ephemeralReceived)" }),
    ("lost_connections", { "\($0.lostConnections)" }), ("errors", { "\($0.errors)" }),
    ("late_sends", { "\($0.lateSends)" }), ("max_loop_lag_ms", { "\($0.longestLagMilliseconds)" }),
    ("cpu_seconds", { "\($0.cpuSeconds)" }),
  ]

  /// Cells of latencies that did not occur in an interval are empty.
  package static func render(_ intervals: [IntervalRecord]) -> String {
    let statistics = ["p50", "p90", "p99", "max"]
    let latencyColumns = LatencyKind.allCases.flatMap { kind in
      ["\(kind.rawValue)_count"] + statistics.map { "\(kind.rawValue)_\($0)_ms" }
    }
    var text = (columns.map(\.name) + latencyColumns).joined(separator: ",") + "\n"
    for interval in intervals {
      let latencies = LatencyKind.allCases.flatMap { kind -> [String] in
        let summary = interval.latencies[kind].summary
        guard summary.count > 0 else { return ["0"] + statistics.map { _ in "" } }
        let values = [summary.p50, summary.p90, summary.p99, summary.maximum]
        return ["\(summary.count)"] + values.map { "\($0)" }
      }
      text += (columns.map { $0.value(interval) } + latencies).joined(separator: ",") + "\n"
    }
    return text
  }

  /// RFC 4180 §2.5–2.7.
  private static func quoted(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\""
      + text.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}

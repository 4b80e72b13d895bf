/// Running totals in the Prometheus text exposition format 0.0.4, as docs/metrics.md lists them.
package enum PrometheusText {
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// Upper bounds of the histograms' buckets, in seconds.
  static let bounds = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
  ]

  private static let gauges: [(String, String, @Sendable (RunTotals) -> Double)] = [
    ("planned_clients", "Clients that the plan has now.", { Double($0.planned) }),
    ("joined_clients", "Clients that are joined.", { Double($0.joined) }),
    (
      "outstanding_publications", "Publications that are due and have no answer.",
      { Double($0.outstanding) }
    ),
    (
      "loop_lag_seconds", "The longest that an event loop was late, newest interval.",
      { $0.longestLagMilliseconds / 1000 }
    ),
  ]

  private static let counters: [(String, String, @Sendable (RunTotals) -> Double)] = [
    ("connection_attempts", "Attempts to connect.", { Double($0.counters.attempts) }),
    ("connections", "Transports that opened.", { Double($0.connects) }),
    (
      "failed_attempts", "Attempts that ended before the join.",
      { Double($0.counters.failedAttempts) }
    ),
    (
      "lost_connections", "Joined connections that ended unasked.",
      { Double($0.counters.lostConnections) }
    ),
    ("reconnects", "Joins after a client's first.", { Double($0.counters.reconnects) }),
    ("recovered", "Reconnects that missed nothing.", { Double($0.counters.recovered) }),
    ("not_recovered", "Reconnects that were told of a gap.", { Double($0.counters.notRecovered) }),
    ("resyncs", "Members told that they missed publications.", { Double($0.counters.resyncs) }),
    ("publications", "Publications sent for the first time.", { Double($0.counters.sent) }),
    ("publications_resent", "Publications sent again.", { Double($0.counters.resent) }),
    ("acknowledgements", "Publications acknowledged.", { Double($0.counters.acknowledged) }),
    ("rejections", "Publications refused for good.", { Double($0.counters.rejected) }),
    (
      "deliveries", "Publications received, once for each member.",
      { Double($0.counters.delivered) }
    ),
    ("duplicates", "Publications received again.", { Double($0.counters.duplicated) }),
    ("reorderings", "Publications received out of order.", { Double($0.counters.reordered) }),
    (
      "overtaken", "Publications received behind later ones, because their publisher had to retry.",
      { Double($0.counters.overtaken) }
    ),
    ("ephemeral_sent", "Ephemeral events sent.", { Double($0.counters.ephemeralSent) }),
    ("ephemeral_received", "Ephemeral events received.", { Double($0.counters.ephemeralReceived) }),
    ("errors", "Error messages, and nonsense from the server.", { Double($0.counters.errorCount) }),
    ("late_sends", "Publications that left late.", { Double($0.counters.lateSends) }),
    ("cpu_seconds", "Processor time of the generator.", { $0.cpuSeconds }),
  ]

  package static func render(_ totals: RunTotals) -> String {
    var text = ""
    for (name, help, value) in gauges {
      text += head(name, "gauge", help) + "martlet_loadtest_\(name) \(number(value(totals)))\n"
    }
    for (name, help, value) in counters {
      let name = name + "_total"
      text += head(name, "counter", help) + "martlet_loadtest_\(name) \(number(value(totals)))\n"
    }
    text += head("latency_seconds", "histogram", "Latencies by kind.")
    for kind in LatencyKind.allCases { text += histogram(totals.latencies[kind], kind) }
    return text
  }

  private static func head(_ name: String, _ type: String, _ help: String) -> String {
    "# HELP martlet_loadtest_\(name) \(help)\n# TYPE martlet_loadtest_\(name) \(type)\n"
  }

  private static func histogram(_ distribution: LatencyDistribution, _ kind: LatencyKind) -> String
  {
    let name = "martlet_loadtest_latency_seconds"
    let label = "kind=\"\(kind.rawValue)\""
    var text = ""
    for bound in bounds {
      let count = distribution.count(upTo: bound * 1000)
      text += "\(name)_bucket{\(label),le=\"\(number(bound))\"} \(count)\n"
    }
    text += "\(name)_bucket{\(label),le=\"+Inf\"} \(distribution.count)\n"
    text += "\(name)_sum{\(label)} \(number(distribution.sum / 1000))\n"
    return text + "\(name)_count{\(label)} \(distribution.count)\n"
  }

  private static func number(_ value: Double) -> String {
    Int64(exactly: value).map { String($0) } ?? String(value)
  }
}

internal import MartletDaemon
internal import MartletPresence

/// The presence daemon's metrics as Prometheus text (docs/metrics.md).
enum PresenceMetrics {
  static func text(_ statistics: PresenceStatistics) -> String {
    var text = PrometheusText()
    text.add(
      "martlet_build_info", .gauge, "Versions; always 1.",
      [PrometheusText.Sample(1, labels: [("version", ProgramVersion.number)])])
    text.add(
      "martlet_presence_owned_shards", .gauge, "Shards that this daemon serves.",
      statistics.ownedShards)
    text.add(
      "martlet_presence_groups", .gauge, "Groups with members in these shards.", statistics.groups)
    text.add(
      "martlet_presence_members", .gauge, "Users in these groups, counted once per group.",
      statistics.members)
    text.add(
      "martlet_presence_reports_total", .counter, "Reports of gateways applied.",
      statistics.reportsApplied)
    text.add(
      "martlet_presence_report_lag_seconds", .gauge,
      "Between the arrival of the last report and its effect, in the slowest shard.",
      [PrometheusText.Sample(statistics.reportLag)])
    text.add(
      "martlet_presence_diffs_total", .counter, "user_joined and user_left published.",
      statistics.diffsSent)
    text.add(
      "martlet_presence_gateways_reaped_total", .counter,
      "Gateways whose lease ran out, counted once per shard.", statistics.gatewaysReaped)
    return text.text
  }
}

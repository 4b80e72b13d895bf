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
      "martlet_presence_users", .gauge, "Users that are here, counted once each.", statistics.users)
    text.add(
      "martlet_presence_memberships", .gauge,
      "Connections in groups, counted in the shard of the group and in that of the user.",
      statistics.memberships)
    text.add(
      "martlet_presence_reports_total", .counter, "Reports of gateways applied.",
      statistics.reportsApplied)
    text.add(
      "martlet_presence_report_lag_seconds", .gauge,
      "Between the arrival of the last report and its effect, in the slowest shard.",
      [PrometheusText.Sample(statistics.reportLag)])
    text.add(
      "martlet_presence_diffs_total", .counter, "Events published for the members of groups.",
      statistics.diffsSent)
    text.add(
      "martlet_presence_diffs_coalesced_total", .counter,
      "Changes without an event of their own: others followed within a batch, or the group is counted only.",
      statistics.diffsCoalesced)
    text.add(
      "martlet_presence_gateways_reaped_total", .counter,
      "Gateways whose lease ran out, counted once per shard.", statistics.gatewaysReaped)
    text.add(
      "martlet_presence_sessions_reaped_total", .counter, "Memberships of these gateways.",
      statistics.sessionsReaped)
    text.add(
      "martlet_presence_takeovers_total", .counter,
      "Shards taken that another daemon, or this one, had served before.", statistics.takeovers)
    text.add(
      "martlet_presence_takeover_seconds", .gauge,
      "How long the shard that was taken last had not been served.",
      [PrometheusText.Sample(statistics.takeoverTime)])
    return text.text
  }
}

internal import MartletAccess
internal import MartletBackplane
internal import MartletCore
internal import MartletDaemon
internal import NIOCore

/// The gateway's metrics as Prometheus text (docs/metrics.md).
enum GatewayMetrics {
  private struct LoopReading: Sendable {
    var counts: GatewayCounts
    var sizes: Hub.Sizes
  }

  static func collect(
    _ services: GatewayServices, _ hubs: [NIOLoopBoundBox<Hub>]
  ) -> EventLoopFuture<String> {
    let readings = hubs.map { hub in
      hub.eventLoop.submit {
        LoopReading(counts: hub.value.counts, sizes: hub.value.sizes)
      }
    }
    let loop = hubs[0].eventLoop
    return EventLoopFuture.whenAllSucceed(readings, on: loop)
      .and(services.backplane.unreadiness().and(services.backplane.statistics()))
      .map { readings, backplane in
        var text = text(readings)
        add(backplane.1, isReady: backplane.0.isEmpty, to: &text)
        AccessMetrics.add(services.access.statistics, to: &text)
        return text.text
      }
  }

  private static func text(_ readings: [LoopReading]) -> PrometheusText {
    let counts = readings.reduce(GatewayCounts()) { $0 + $1.counts }
    var text = PrometheusText()
    text.add(
      "martlet_build_info", .gauge, "Versions; always 1.",
      [PrometheusText.Sample(1, labels: [("version", ProgramVersion.number)])])
    text.add(
      "martlet_sessions", .gauge, "Sessions that are open.",
      readings.reduce(0) { $0 + $1.sizes.sessions })
    addTransports(readings.map(\.sizes), counts, to: &text)
    text.add(
      "martlet_local_groups", .gauge, "Groups with members here, counted once per event loop.",
      readings.reduce(0) { $0 + $1.sizes.groups })
    text.add(
      "martlet_connections_opened_total", .counter,
      "WebSockets, streams of events and polls that were accepted.", counts.connectionsOpened)
    text.add(
      "martlet_connections_refused_total", .counter,
      "Connections beyond the limits of number, rate or address.", counts.connectionsRefused)
    text.add(
      "martlet_sessions_closed_total", .counter, "Sessions closed, by reason.",
      CloseReason.allCases.map { reason in
        PrometheusText.Sample(
          Double(counts.closes[reason] ?? 0), labels: [("reason", reason.label)])
      })
    text.add("martlet_joins_total", .counter, "Sessions that became members.", counts.joins)
    text.add(
      "martlet_recoveries_total", .counter, "Joins with a position, by whether it was recovered.",
      [
        PrometheusText.Sample(Double(counts.recoveries), labels: [("recovered", "true")]),
        PrometheusText.Sample(Double(counts.failedRecoveries), labels: [("recovered", "false")]),
        PrometheusText.Sample(Double(counts.postponedRecoveries), labels: [("recovered", "later")]),
      ])
    text.add(
      "martlet_publications_total", .counter, "Client events taken by the backplane.",
      counts.publications)
    text.add(
      "martlet_publications_failed_total", .counter,
      "Client events that the backplane did not take; their senders were told.",
      counts.failedPublications)
    text.add(
      "martlet_deliveries_total", .counter, "Publications sent to members, counted per member.",
      counts.deliveries)
    text.add(
      "martlet_ephemeral_dropped_total", .counter,
      "Ephemeral events not sent to members whose connection was congested.",
      counts.droppedEphemeral)
    text.add(
      "martlet_repairs_total", .counter, "Gaps for which the history was asked.", counts.repairs)
    text.add(
      "martlet_resyncs_total", .counter, "Members told that they missed publications.",
      counts.resyncs)
    text.add(
      "martlet_refusals_total", .counter, "Client messages refused, by code.",
      ErrorCode.allCases.map { code in
        PrometheusText.Sample(
          Double(counts.refusals[code] ?? 0), labels: [("code", code.rawValue)])
      })
    return text
  }

  private static func addTransports(
    _ sizes: [Hub.Sizes], _ counts: GatewayCounts, to text: inout PrometheusText
  ) {
    text.add(
      "martlet_transport_sessions", .gauge, "Sessions that are open, by transport.",
      TransportKind.allCases.map { kind in
        PrometheusText.Sample(
          sizes.reduce(0) { $0 + Double($1.sessionsByTransport[kind] ?? 0) },
          labels: [("transport", kind.rawValue)])
      })
    text.add(
      "martlet_transport_sessions_opened_total", .counter, "Sessions that began, by transport.",
      TransportKind.allCases.map { kind in
        PrometheusText.Sample(
          Double(counts.sessions[kind] ?? 0), labels: [("transport", kind.rawValue)])
      })
    text.add(
      "martlet_http2_connections", .gauge, "HTTP/2 connections that are open.",
      sizes.reduce(0) { $0 + $1.http2Connections })
    text.add(
      "martlet_http2_connections_opened_total", .counter, "HTTP/2 connections that were made.",
      counts.http2Connections)
    text.add(
      "martlet_tls_handshakes_total", .counter, "TLS handshakes of clients, by how they ended.",
      HandshakeOutcome.allCases.map { outcome in
        PrometheusText.Sample(
          Double(counts.handshakes[outcome] ?? 0), labels: [("outcome", outcome.rawValue)])
      })
  }

  private static func add(
    _ backplane: BackplaneStatistics, isReady: Bool, to text: inout PrometheusText
  ) {
    text.add(
      "martlet_backplane_ready", .gauge, "1 if publications can be sent and come back.",
      isReady ? 1 : 0)
    text.add(
      "martlet_backplane_probe_seconds", .gauge,
      "From the sending of the last probe that came back to its return, by shard.",
      backplane.probeSeconds.enumerated().compactMap { shard, seconds in
        seconds.map { PrometheusText.Sample($0, labels: [("shard", "\(shard)")]) }
      })
    text.add(
      "martlet_backplane_reads_total", .counter, "Reads of shard streams that brought something.",
      backplane.reads)
    text.add(
      "martlet_backplane_entries_total", .counter,
      "Publications, ephemeral events and probes read, wanted here or not.", backplane.entries)
    text.add(
      "martlet_backplane_interruptions_total", .counter,
      "Times that all groups of a shard were compared because entries may be missing.",
      backplane.interruptions)
    text.add(
      "martlet_backplane_revivals_total", .counter,
      "Connections made anew because the probes of a shard did not come back.",
      backplane.revivals)
  }
}

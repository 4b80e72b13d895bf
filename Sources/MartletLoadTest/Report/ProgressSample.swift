/// One look at a run that is going on.
package struct ProgressSample: Sendable, Equatable {
  package enum Phase: String, Sendable {
    case join
    case run
    case stragglers
  }

  package var phase: Phase
  /// Since the phase began.
  package var elapsedSeconds: Double
  package var connected: Int
  package var clients: Int
  package var sentPerSecond: Double
  package var deliveredPerSecond: Double
  /// Of the deliveries since the previous sample, in milliseconds.
  package var deliverP50: Double
  package var deliverP99: Double
  package var errors: Int
  /// (member, publication) pairs that acknowledged publications should reach and have not. Most are
  /// under way: which are lost is known at the end only.
  package var outstanding: Int

  package var text: String {
    var parts = [
      "\(phase.rawValue) \(Int(elapsedSeconds))s", "connected \(connected)/\(clients)",
    ]
    if phase != .join {
      parts += [
        "sent \(Int(sentPerSecond.rounded()))/s",
        "delivered \(Int(deliveredPerSecond.rounded()))/s",
        "p50 \(ReportTable.number(deliverP50)) ms", "p99 \(ReportTable.number(deliverP99)) ms",
        "outstanding \(outstanding)",
      ]
    }
    parts.append("errors \(errors)")
    return parts.joined(separator: "  ")
  }
}

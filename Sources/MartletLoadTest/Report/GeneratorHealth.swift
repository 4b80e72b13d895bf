/// Whether the numbers of a run are the server's, or this program's own limits.
package struct GeneratorHealth: Sendable, Equatable, Codable {
  /// A publication that leaves later than this after its intended time is late, in nanoseconds.
  static let lateSend: UInt64 = 10_000_000
  /// More late publications than this share reach into the reported p99.
  package static let lateShareLimit = 0.01
  /// A loop that stood still for longer, in milliseconds, adds that much to a latency that it reports.
  package static let lagLimit = 100.0
  /// Above this share of its loops' cores a generator queues.
  package static let cpuShareLimit = 0.9

  /// Processor seconds of this process during the run phase.
  package var cpuSeconds: Double
  /// The same as a share of one core for each loop; 1 is all of them.
  package var cpuShare: Double
  package var longestLagMilliseconds: Double
  package var lateSends: Int
  /// Of all publications that became due.
  package var lateShare: Double

  package var reasons: [String] {
    var reasons: [String] = []
    if lateShare > Self.lateShareLimit {
      reasons.append("\(ReportTable.percent(lateShare)) of the publications left late")
    }
    if longestLagMilliseconds > Self.lagLimit {
      reasons.append(
        "an event loop stood still for \(ReportTable.number(longestLagMilliseconds)) ms")
    }
    if cpuShare > Self.cpuShareLimit {
      reasons.append("it used \(ReportTable.percent(cpuShare)) of its loops' cores")
    }
    return reasons
  }

  package var isGeneratorBound: Bool { !reasons.isEmpty }

  enum CodingKeys: String, CodingKey {
    case cpuSeconds = "cpu_seconds"
    case cpuShare = "cpu_share"
    case longestLagMilliseconds = "max_loop_lag_ms"
    case lateSends = "late_sends"
    case lateShare = "late_share"
  }
}

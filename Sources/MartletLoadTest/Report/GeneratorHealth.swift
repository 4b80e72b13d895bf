/// Whether the numbers of a run are the server's, or this program's own limits.
package struct GeneratorHealth: Sendable, Equatable, Codable {
  /// A publication that leaves later than this after its intended time is late, in nanoseconds.
  package static let lateSend: UInt64 = 10_000_000
  /// More late publications than this share reach into the reported p99.
  package static let lateShareLimit = 0.01
  /// A loop that stood still for longer, in milliseconds, adds that much to a latency that it reports.
  package static let lagLimit = 100.0
  /// Above this share of its loops' cores a generator queues.
  package static let cpuShareLimit = 0.9

  /// Processor seconds of this process while publications were due.
  package var cpuSeconds: Double
  /// The same as a share of one core for each loop; 1 is all of them.
  package var cpuShare: Double
  package var longestLagMilliseconds: Double
  package var lateSends: Int
  /// Of all publications that became due.
  package var lateShare: Double

  package init(
    cpuSeconds: Double, cpuShare: Double, longestLagMilliseconds: Double, lateSends: Int,
    lateShare: Double
  ) {
    self.cpuSeconds = cpuSeconds
    self.cpuShare = cpuShare
    self.longestLagMilliseconds = longestLagMilliseconds
    self.lateSends = lateSends
    self.lateShare = lateShare
  }

  package var reasons: [String] {
    var reasons: [String] = []
    if lateShare > Self.lateShareLimit {
      reasons.append("\(NumberText.percent(lateShare)) of the publications left late")
    }
    if longestLagMilliseconds > Self.lagLimit {
      reasons.append(
        "an event loop stood still for \(NumberText.decimal(longestLagMilliseconds)) ms")
    }
    if cpuShare > Self.cpuShareLimit {
      reasons.append("it used \(NumberText.percent(cpuShare)) of its loops' cores")
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

/// One process of the generator.
package struct ProcessHealth: Sendable, Equatable, Codable {
  /// As in `worker 1`; for a reader.
  package var name: String
  package var loops: Int
  package var health: GeneratorHealth

  package init(name: String, loops: Int, health: GeneratorHealth) {
    self.name = name
    self.loops = loops
    self.health = health
  }
}

extension GeneratorHealth {
  /// All processes together; shares are weighted by `loops` and by publications `due`. One process at its limit is
  /// not hidden by the others: the report asks each.
  static func sum(_ parts: [(health: GeneratorHealth, loops: Int, due: Int)]) -> GeneratorHealth {
    let loops = Double(parts.reduce(0) { $0 + $1.loops })
    let due = Double(parts.reduce(0) { $0 + $1.due })
    return GeneratorHealth(
      cpuSeconds: parts.reduce(0) { $0 + $1.health.cpuSeconds },
      cpuShare: loops > 0
        ? parts.reduce(0) { $0 + $1.health.cpuShare * Double($1.loops) } / loops : 0,
      longestLagMilliseconds: parts.map(\.health.longestLagMilliseconds).max() ?? 0,
      lateSends: parts.reduce(0) { $0 + $1.health.lateSends },
      lateShare: due > 0 ? parts.reduce(0) { $0 + $1.health.lateShare * Double($1.due) } / due : 0)
  }
}

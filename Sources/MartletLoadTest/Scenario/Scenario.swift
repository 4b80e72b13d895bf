/// Everything that is decided about a run before it begins: docs/loadtest.md, Scenario files.
package struct Scenario: Sendable, Equatable, Codable {
  package enum TargetChoice: String, Sendable, CaseIterable, Codable {
    /// Client `i` begins with target `i mod targets`.
    case roundRobin = "round_robin"
    case random
  }

  package var name: String
  /// For a reader; may be empty.
  package var summary = ""
  /// The gateways.
  package var targets: [Target]
  package var targetChoice = TargetChoice.roundRobin
  /// Addresses to connect from, by turns; empty: the system's choice. Each has about 28,000 ports for each target.
  package var localAddresses: [String] = []
  package var security = Security()
  /// Decides everything random: groups, gaps, sizes, targets. The same seed, the same plan.
  package var seed: UInt64 = 1
  /// By name; at least one.
  package var groups: [String: GroupSpread]
  /// At least one.
  package var behaviours: [Behaviour]
  /// At least one.
  package var phases: [Phase]
  package var faults: [Fault] = []
  package var thresholds: [Threshold] = []
  /// Nil: all clients read at once, and the latencies of all count.
  package var sampling: Sampling?
  /// Nil: Martlet's own protocol.
  package var adapter: ProtocolAdapter?
  /// A lost connection, and a publication refused as `unavailable`, wait a random time in this range.
  package var reconnectDelay = DelayRange(lowest: .milliseconds(100), highest: .seconds(1))
  /// The longest wait for stragglers after the last phase.
  package var grace = Duration.seconds(10)
  /// Event loops (threads); 0: half of the cores, because a server is likely to share them.
  package var loops = 0
  /// Of the time series in the results.
  package var interval = Duration.seconds(1)

  /// TLS of `wss://` targets.
  package struct Security: Sendable, Equatable, Codable {
    /// PEM; nil: the system's authorities.
    package var authorityFile: String?
    package var verifiesServers = true

    package init(authorityFile: String? = nil, verifiesServers: Bool = true) {
      self.authorityFile = authorityFile
      self.verifiesServers = verifiesServers
    }
  }

  package init(
    name: String, targets: [Target], groups: [String: GroupSpread], behaviours: [Behaviour],
    phases: [Phase]
  ) {
    self.name = name
    self.targets = targets
    self.groups = groups
    self.behaviours = behaviours
    self.phases = phases
  }
}

/// How clients are dealt over groups, which are numbered from 0.
package enum GroupSpread: Sendable, Equatable, Codable {
  /// The `n`th client that uses the spread is in group `n mod count`.
  case even(count: Int)
  /// As ``even(count:)``, with as many groups as it takes for `size` members each.
  case sized(Int)
  /// Each client draws a group.
  case uniform(count: Int)
  /// Group `k` (from 0) is drawn in proportion to `1 / (k + 1)^exponent`.
  case zipf(count: Int, exponent: Double)
}

/// A stretch of the run. Clients change along a ramp, then stay.
package struct Phase: Sendable, Equatable, Codable {
  package var name: String
  /// Clients at the end of the ramp; nil: as many as before.
  package var clients: Int?
  /// Length of the ramp, over which arrivals (or departures) are spread evenly.
  package var ramp = Duration.zero
  /// After the ramp.
  package var hold = Duration.zero
  /// Times the rate of every behaviour; 0: nobody publishes.
  package var pace = 1.0
  /// The phase lasts, longer if need be, until all its clients have joined, but no longer than this; nil: it does not wait.
  package var joinPatience: Duration?

  package init(name: String) {
    self.name = name
  }
}

/// Something that is done to the system at a moment.
package struct Fault: Sendable, Equatable, Codable {
  package enum Action: Sendable, Equatable, Codable {
    /// Cuts this share (0…1) of the connections, without a close frame.
    case drop(share: Double)
    /// This share of the clients does not read for a while.
    case stall(share: Double, Duration)
    /// Runs a command by `/bin/sh -c`; its exit status is reported.
    case run(command: String)
  }

  /// Since the first phase began.
  package var at: Duration
  package var action: Action

  package init(at: Duration, action: Action) {
    self.at = at
    self.action = action
  }
}
